"""Whose turn it is: of two runs that need the same result one makes it, and the other waits for it and reuses it.

An attempt claims the key it makes and the files it declares, so runs that share a folder take turns there; what it
takes from other steps must lie there as they made it while it runs. The claims themselves are ``store/claims``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nbflow.attempt.making import declared_outputs
from nbflow.core.graph import Step
from nbflow.core.model import REF, StoredFile
from nbflow.core.plan import Planned
from nbflow.store import claims
from nbflow.store.claims import Claim, Claims

if TYPE_CHECKING:
    from nbflow.attempt.workshop import Workshop


Waits = Callable[[str], bool]
"""Asked again and again while another run (its id, or ``""``) has what is wanted: whether to wait on."""


def at_once(_holder: str) -> bool:
    """Waits for nobody."""
    return False


def patiently(is_stopped: Callable[[], bool], tell: Callable[[str], None]) -> Waits:
    """Waits until it is stopped. ``tell`` hears whom for, once."""
    told: list[str] = []

    def waits(holder: str) -> bool:
        if [holder] != told[-1:]:
            told.append(holder)
            tell(f"waits for run {holder}, which works on the same" if holder else "waits for another run")
        return not is_stopped()

    return waits


class Turns:
    """The turns of one run."""

    def __init__(self, shop: Workshop, taken: Claims) -> None:
        self._shop = shop
        self._claims = taken

    def wanted(self, planned: Planned) -> dict[str, bool]:
        """What an attempt at a step claims."""
        assert planned.fingerprint is not None
        step = self._shop.project.pipeline.steps[planned.step]
        taken = [i.path for i in step.inputs if i.item.is_file and i.makers]
        return claims.result(planned.fingerprint.key) | claims.paths(self._outputs(step), taken)

    def take(self, planned: Planned, waits: Waits) -> Claim | None:
        """Wait for the turn of an attempt; ``None`` once it gives up."""
        while True:
            claim = self._claims.take(self.wanted(planned), waits)
            if claim is None:
                return None
            moved = dict.fromkeys(maker for maker, f in self._taken_files(planned) if not self._shop.is_in_place(f))
            if not moved:
                return claim
            claim.release()
            for maker in moved:
                if not self._shop.reuse(maker, self._shop.made[maker], waits):
                    return None

    def over_files(self, step: Step, waits: Waits) -> Claim | None:
        """Wait until nobody else works on the files that a step declares; ``None`` once it gives up."""
        return self._claims.take(claims.paths(self._outputs(step)), waits)

    def _outputs(self, step: Step) -> list[str]:
        return declared_outputs(step, self._shop.project.pipeline.outlines[step.notebook].notebook.folder)

    def _taken_files(self, planned: Planned) -> list[tuple[str, StoredFile]]:
        """The stored files that the step takes from others, each with the step that made it."""
        step = self._shop.project.pipeline.steps[planned.step]
        makers = dict.fromkeys(m for i in step.inputs if i.item.is_file for m in i.makers)
        artifacts = ((m, a) for m in makers for a in self._shop.made[m].artifacts if a.format != REF)
        return [(maker, file) for maker, artifact in artifacts for file in artifact.files]
