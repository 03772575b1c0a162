"""The part that speaks HTTP, as thin as it can be: who may ask, what is asked, and the answer of the modules beside.

Every request is authenticated and authorized: to look is ``read``, to start or stop a run is ``execute``, whatever the
method of HTTP. Jupyter's own checks (token or cookie, XSRF, origin, host) stay as they are.

What reads notebooks and journals is loaded with the first question, so that a server starts as fast as without us.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from nbflow.errors import NbflowError
from nbflow.server import bodies
from nbflow.server.bodies import Body, Query
from nbflow.server.refusals import status_of, told
from nbflow.server.service import Service

if TYPE_CHECKING:
    from nbflow.server.here import Here
    from nbflow.server.streams import Stream

DESCRIPTION = "openapi.yaml"


Method = TypeVar("Method", bound=Callable[..., Awaitable[None]])


def may(action: Literal["read", "execute"]) -> Callable[[Method], Method]:
    """Only for who is known to the server and may do this."""

    def guarded(method: Method) -> Method:
        allowed: Any = authorized(action)
        return cast("Method", web.authenticated(allowed(method)))

    return guarded


class Refusal(web.HTTPError):
    """An error of ours on its way out."""

    def __init__(self, error: NbflowError) -> None:
        super().__init__(status_of(error), reason=None)
        self.error = error


class Handler(APIHandler):
    """What all of them have in common."""

    auth_resource = "nbflow"
    service: Service

    def initialize(self, service: Service) -> None:
        self.service = service

    @property
    def query(self) -> Query:
        return Query(self.request.query_arguments)

    def body(self, *known: str) -> Body:
        return Body(self.request.body, known)

    async def answer(self, function: Callable[[], Any]) -> None:
        """Say what the function gives, which may take its time."""
        self.finish(await self.done(lambda: json.dumps(function())))

    async def done(self, function: Callable[[], Any]) -> Any:
        """In a thread. Raises ``Refusal`` for what is wrong with the request or with what it is about."""
        try:
            return await self.service.work(function)
        except NbflowError as error:
            raise Refusal(error) from error
        except OSError as error:  # taken away while it was looked at, or not ours to read
            self.log.warning("nbflow cannot read or write", exc_info=True)
            place = f": {error.filename}" if error.filename else ""
            raise Refusal(NbflowError(f"{error.strerror or error}{place}")) from error

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002 (tornado's signature)
        """What is wrong and how to mend it, in the form that all our errors have."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            said = told(error.error)
        else:
            logged = error.log_message if isinstance(error, web.HTTPError) and not error.args else None
            said = {"message": logged or self._reason, "fix": ""}
        self.finish(json.dumps(said))


# --- looking -------------------------------------------------------------------------------------------


class PipelineHandler(Handler):
    @may("read")
    async def post(self) -> None:
        def look() -> Any:
            from nbflow.server import pipelines

            body = self.body("path", "notebook", "parameters")
            place = self.service.here(body.text("path"))
            name = self.service.places.folder_of(place.root)
            return pipelines.pipeline(place, name, body.values("parameters"), body.notebook())

        await self.answer(look)


class ProposalHandler(Handler):
    @may("read")
    async def post(self) -> None:
        def look() -> Any:
            from nbflow.server import edits

            body = self.body("path", "notebook", "cell")
            return edits.proposal(self.service.here(body.text("path")), body.notebook(), body.number("cell"))

        await self.answer(look)


class RenameHandler(Handler):
    @may("read")
    async def post(self) -> None:
        def look() -> Any:
            from nbflow.server import edits

            body = self.body("path", "notebook", "kind", "old", "new")
            place = self.service.here(body.text("path"))
            return edits.rename(place, body.notebook(), body.text("kind"), body.text("old"), body.text("new"))

        await self.answer(look)


class RunsHandler(Handler):
    @may("read")
    async def get(self) -> None:
        def look() -> Any:
            from nbflow.server import runs

            limit = self.query.number("limit", runs.MOST, bodies.MOST_RUNS)
            return runs.listed(self.service.here(self.query.text("path")), limit)

        await self.answer(look)

    @may("execute")
    async def post(self) -> None:
        def asked() -> Any:
            from nbflow.server import runs

            body = self.body("path", "select", "parameters", "force")
            wanted = runs.Wanted(body.texts("select"), body.values("parameters"), body.flag("force"))
            return self.service.here(body.text("path")), wanted

        def begin() -> Any:
            from nbflow.server import runs

            return runs.start(place, wanted, self.service.program)

        place, wanted = await self.done(asked)
        async with self.service.starting(place.root):
            run, begun = await self.done(begin)
        if begun is not None:
            self.service.keep(begun)
        self.set_status(200 if begun is None else 201)
        self.finish(json.dumps({"run": run}))


class RunHandler(Handler):
    @may("read")
    async def get(self, run: str) -> None:
        def look() -> Any:
            from nbflow.server import runs

            return runs.whole(self.service.here(self.query.text("path")), self.service.places, run)

        await self.answer(look)


class DescriptionHandler(Handler):
    @may("read")
    async def get(self) -> None:
        text = files("nbflow.server").joinpath(DESCRIPTION).read_bytes()
        self.finish(text, set_content_type="application/yaml")


# --- starting and stopping -----------------------------------------------------------------------------


class CancelHandler(Handler):
    @may("execute")
    async def post(self, run: str) -> None:
        def stop() -> Any:
            from nbflow.server import runs

            body = self.body("path", "force")
            return runs.cancel(self.service.here(body.text("path")), run, force=body.flag("force"))

        await self.answer(stop)


class RetryHandler(Handler):
    @may("execute")
    async def post(self, run: str) -> None:
        def again() -> Any:
            from nbflow.server import runs

            return runs.retry(self.service.here(self.body("path").text("path")), run, self.service.program)

        begun = await self.done(again)
        self.set_status(201)
        self.finish(json.dumps({"run": self.service.keep(begun)}))


# --- streams -------------------------------------------------------------------------------------------


class StreamHandler(Handler):
    """Tells a stream to who listens, until one of them has no more to say or to hear."""

    _track_activity = False  # nobody is active who only has a page open

    def initialize(self, service: Service) -> None:
        super().initialize(service)
        self._left = asyncio.Event()

    def on_connection_close(self) -> None:
        self._left.set()
        super().on_connection_close()

    def place(self) -> Here:
        return self.service.here(self.query.text("path"))

    def after(self) -> int:
        """The number that the page has seen: what it says itself, else what a browser says that connects again."""
        after, again = self.query.number("after", 0), self.request.headers.get("Last-Event-ID", "")
        return bodies.whole_number(again, "Last-Event-ID") if again else after

    async def tell(self, begin: Callable[[], Stream]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.service.streams.add(task)
        try:
            stream: Stream = await self.done(begin)
            try:
                first = await self.done(stream.next)  # what is refused is refused before anything is said
                await self._tell_on(stream, first)
            finally:
                self.service.look_later(stream.close)
        finally:
            self.service.streams.discard(task)

    async def _tell_on(self, stream: Stream, said: str) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")  # a proxy in between is to pass it on at once
        try:
            while True:
                self.write(said)
                await self.flush()
                if stream.is_over or await self._is_left(stream.pause):
                    break
                said = await self.service.look(stream.next)
        except StreamClosedError:
            return
        except NbflowError as error:  # whoever connects again is told
            self.log.warning("nbflow ends a stream: %s", error)
        if not self._left.is_set():
            self.finish(set_content_type="text/event-stream")

    async def _is_left(self, seconds: float) -> bool:
        """Whether the page has gone, or the server ends, within so many seconds."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._left, self.service.closed)]
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return bool(done)


class RunEventsHandler(StreamHandler):
    @may("read")
    async def get(self, run: str) -> None:
        def begin() -> Stream:
            from nbflow.server.streams import RunStream

            return RunStream(self.place(), run, self.after(), lambda: self.service.lives(run))

        await self.tell(begin)


class RunsEventsHandler(StreamHandler):
    @may("read")
    async def get(self) -> None:
        def begin() -> Stream:
            from nbflow.server.streams import RunsStream

            return RunsStream(self.place())

        await self.tell(begin)
