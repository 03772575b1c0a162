"""Which address is served by whom. ``openapi.yaml`` says the same in more words; a test compares the two."""

from __future__ import annotations

from nbflow.server import handlers
from nbflow.server.service import Service

BASE = "/nbflow/api/"
"""Behind the address of the server."""

_RUN = "(?P<run>[^/]+)"

HANDLERS: dict[str, type[handlers.Handler]] = {
    "pipeline": handlers.PipelineHandler,
    "proposal": handlers.ProposalHandler,
    "rename": handlers.RenameHandler,
    "runs": handlers.RunsHandler,
    f"runs/{_RUN}": handlers.RunHandler,
    f"runs/{_RUN}/cancel": handlers.CancelHandler,
    f"runs/{_RUN}/retry": handlers.RetryHandler,
    f"runs/{_RUN}/events": handlers.RunEventsHandler,
    "events": handlers.RunsEventsHandler,
    handlers.DESCRIPTION.replace(".", r"\."): handlers.DescriptionHandler,
}


def routes(service: Service) -> list[tuple[str, type[handlers.Handler], dict[str, Service]]]:
    """For a server's web application, without the address of the server itself."""
    return [(BASE + path, handler, {"service": service}) for path, handler in HANDLERS.items()]
