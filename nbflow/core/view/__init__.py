"""What a person sees of a run: the words and the reasons live here, and front ends only draw them.

A view is made from the run (where every step stands) and from the notes (what the facts told besides: times, errors).
Both are folds over the same events, so a view of any prefix of the journal is a view of the run at that moment. A
reader that follows a run hands new events to ``noted`` in batches, as often as it draws, and ``changes`` says what to
send on. ``shape`` has the wire form, ``notes`` the fold, ``words`` the view itself, ``times`` where the time went,
``groups`` which of very many steps are shown as one. What lies on disks (inputs, outputs, pictures) ``ops.viewing``
adds.
"""

from nbflow.core.view.groups import grouped
from nbflow.core.view.notes import Note, Notes, noted
from nbflow.core.view.shape import (
    VERSION,
    Action,
    AttemptView,
    GraphView,
    RunTimeView,
    RunView,
    Standing,
    StepTimeView,
    StepView,
    ThingView,
    UsageView,
    changes,
)
from nbflow.core.view.times import due, timed
from nbflow.core.view.words import LABELS, outcomes, reason, step_view, view

__all__ = [
    "LABELS",
    "VERSION",
    "Action",
    "AttemptView",
    "GraphView",
    "Note",
    "Notes",
    "RunTimeView",
    "RunView",
    "Standing",
    "StepTimeView",
    "StepView",
    "ThingView",
    "UsageView",
    "changes",
    "due",
    "grouped",
    "noted",
    "outcomes",
    "reason",
    "step_view",
    "timed",
    "view",
]
