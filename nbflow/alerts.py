"""Sends an alert to where a person wants it: by apprise's addresses (mail, chat, webhooks) and by a command of theirs.

Addresses may hold passwords, so they are never printed and never in an error; one that begins with ``$`` names an
environment variable which holds it. What is worth an alert is decided in ``core/alerting``, the outbox lies in the
journal, and ``ops/alerting`` brings the three together.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from nbflow.core.alerting import Alert
from nbflow.errors import UsageError

COMMAND_SECONDS = 60.0
"""Seconds that the person's command may take."""

WEBHOOKS = ("json", "jsons", "xml", "xmls", "form", "forms")
"""apprise's addresses where the request is ours to shape, header and all."""

NO_APPRISE = "To send to addresses: pip install 'jupyter-nbflow[alerts]'. A `command` needs nothing more."


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one alert."""

    problems: tuple[str, ...] = ()
    """Why it did not reach everybody; nothing of an address is in it."""


class Sender(Protocol):
    """Whatever takes an alert somewhere."""

    def send(self, alert: Alert) -> Sent: ...


class Addresses:
    """Apprise's addresses. Raises ``UsageError`` where they cannot be used."""

    def __init__(self, given: Iterable[str], environ: Mapping[str, str]) -> None:
        self.urls: list[tuple[str, str]] = []
        """``(what to call it, address)``."""
        for number, text in enumerate(given, 1):
            name = text if text.startswith("$") else f"address {number}"
            url = environ.get(text[1:], "") if text.startswith("$") else text
            if not url:
                raise UsageError(
                    f"[tool.nbflow.alerts] urls: the environment variable {text[1:]} is not set.",
                    f"Set {text[1:]} to an address, or take it out of the list.",
                )
            self.urls.append((name, url))

    def send(self, alert: Alert) -> Sent:
        try:
            import apprise
        except ImportError:
            raise UsageError("Alerts cannot be sent to addresses: apprise is not installed.", NO_APPRISE) from None
        kinds = {"recovered": "success", "slow": "warning"}
        problems = []
        for name, url in self.urls:
            service = apprise.Apprise()
            if not service.add(_with_id(url, alert.id)):
                problems.append(f"{name} is no address that apprise understands")
            elif not service.notify(title=alert.title, body=alert.body, notify_type=kinds.get(alert.kind, "failure")):
                problems.append(f"{name} did not take it")
        return Sent(tuple(problems))


def _with_id(url: str, id_: str) -> str:
    """Where the request is ours, its id goes along as a header: a receiver can fold what comes twice."""
    if url.partition("://")[0].lower() not in WEBHOOKS:
        return url
    header = urlencode({"+Idempotency-Key": id_}, safe="+")
    return f"{url}{'&' if '?' in url else '?'}{header}"


class Command:
    """A command of the person's own: words, never a shell line. It gets the alert as JSON on its standard input and
    as ``NBFLOW_ALERT_ID``, ``…_KIND``, ``…_RUN``, ``…_TITLE`` and ``…_BODY`` in its environment."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self.words = tuple(words)
        self._environ = os.environ if environ is None else environ

    def send(self, alert: Alert) -> Sent:
        values: dict[str, Any] = asdict(alert)
        environ = {**self._environ, **{f"NBFLOW_ALERT_{name.upper()}": value for name, value in values.items()}}
        try:
            done = subprocess.run(
                self.words, input=json.dumps(values).encode(), env=environ, timeout=COMMAND_SECONDS,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            return Sent((f"the command cannot be started: {error.strerror}",))
        except subprocess.TimeoutExpired:
            return Sent((f"the command did not end within {COMMAND_SECONDS:g} s",))
        return Sent((f"the command ended with status {done.returncode}",) if done.returncode else ())
