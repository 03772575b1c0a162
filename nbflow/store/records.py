"""Action records: what a step made, under the key of what it was made from.

``records/ab/<key>/<seq>.json``: a key's folder only grows, a file in it never changes, and the highest number is
the newest. A record that cannot be read is as one that is not there: the step runs. This module knows JSON and
names of files; whether the bytes behind a record are there is for ``local``, which is next.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbflow.core.model import REF, Artifact, Record, StoredFile
from nbflow.disk.whole import scratch, write_new
from nbflow.errors import StoreError
from nbflow.store import files

SCHEMA = 1
"""Of the record files. A record with a higher one was written by a newer nbflow and is left alone."""

_KEY = re.compile(r"[0-9A-Za-z_-]{2,128}")
_FILE = re.compile(r"([0-9]{1,18})\.json")
_TEXTS = ("key", "id", "step", "run", "created", "executed")
_MAPPINGS = ("parts", "read_files", "read_folders", "read_modules")
_NEWER = "some results were stored by a newer nbflow: they are not used, and not touched"
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}


def record_to_json(record: Record) -> dict[str, Any]:
    """A record as values that JSON has; ``record_from_json`` turns it back."""
    return {
        "schema": record.schema,
        "key": record.key,
        "id": record.id,
        "step": record.step,
        "run": record.run,
        "created": record.created,
        "seconds": record.seconds,
        "reusable": record.reusable,
        "artifacts": [_artifact_to_json(a) for a in record.artifacts],
        "executed": record.executed,
        "parts": dict(record.parts),
        "read_files": dict(record.read_files),
        "read_folders": dict(record.read_folders),
        "read_modules": dict(record.read_modules),
        "wrote": list(record.wrote),
    }


def record_from_json(data: Any) -> Record:
    """The record. Fields it does not know are left out. Raises ``ValueError`` where the data are not a record, or one
    of a newer schema."""
    try:
        if data["schema"] > SCHEMA:
            raise ValueError(f"record schema {data['schema']} is newer than {SCHEMA}")
        _require(str, *[data[name] for name in _TEXTS])
        _require(dict, *[data[name] for name in _MAPPINGS])
        return Record(
            key=data["key"],
            id=data["id"],
            step=data["step"],
            run=data["run"],
            created=data["created"],
            seconds=data["seconds"],
            parts=data["parts"],
            artifacts=tuple(_artifact_from_json(a) for a in data["artifacts"]),
            read_files=data["read_files"],
            read_folders=data["read_folders"],
            read_modules=data["read_modules"],
            wrote=tuple(data["wrote"]),
            executed=data["executed"],
            reusable=data["reusable"],
            schema=data["schema"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record: {error!r}") from error


def _artifact_to_json(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "digest": artifact.digest,
        "format": artifact.format,
        "size": artifact.size,
        "type": artifact.type,
        "member": artifact.member,
        "files": [[f.path, f.digest, f.size, f.mode] for f in artifact.files],
        "main_names": list(artifact.main_names),
        **({"numbers": dict(artifact.numbers)} if artifact.numbers else {}),
    }


def _artifact_from_json(data: Mapping[str, Any]) -> Artifact:
    _require(str, data["name"], data["digest"], data["format"])
    _require(int, data["size"])
    return Artifact(
        name=data["name"],
        kind=data["kind"],
        digest=data["digest"],
        format=data["format"],
        size=data["size"],
        type=data["type"],
        member=data["member"],
        files=tuple(_file_from_json(*f) for f in data["files"]),
        main_names=tuple(data["main_names"]),
        numbers=dict(data.get("numbers", {})),
    )


def _file_from_json(path: str, digest: str, size: int, mode: int) -> StoredFile:
    _require(str, path, digest)
    _require(int, size, mode)
    return StoredFile(path, digest, size, mode)


def _require(kind: type, *values: object) -> None:
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f"expected {kind.__name__}")


def blobs_of(record: Record) -> Iterator[tuple[str, int | None]]:
    """Digest and size of every blob that the record needs; no size where the record does not say it."""
    for artifact in record.artifacts:
        if artifact.format == REF:
            continue
        if artifact.kind == "file":
            for file in artifact.files:
                yield file.digest, file.size
        else:
            yield artifact.digest, artifact.size
    if record.executed:
        yield record.executed, None


def same_reads(one: Record, other: Record) -> bool:
    """Whether two attempts of one key read the same things, so that either serves for both."""
    return (
        one.read_files == other.read_files
        and one.read_folders == other.read_folders
        and one.read_modules == other.read_modules
    )


class Records:
    """The record half of a store. ``notes`` says, for a person, what was left alone and why."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "records"
        self._prefix = f"{self.folder}{os.sep}"
        self.notes: list[str] = []

    def newest_first(self, key: str) -> list[Record]:
        """All records of a key that can be read. Raises ``StoreError`` where the folder is there but closed to us."""
        with files.explained("the store cannot be read", self.folder):
            numbered = sorted(self._numbered(key), reverse=True)
        found = (self._read(path, key) for _, path in numbered)
        return [record for record in found if record is not None]

    def next_number(self, key: str) -> int:
        """The number that the next record of a key gets. Raises ``OSError``."""
        return 1 + max((number for number, _ in self._numbered(key)), default=0)

    def create(self, record: Record, number: int, temporary_folder: Path) -> bool:
        """Add a record under a number. ``False``: another process took it. Raises ``OSError``."""
        path = Path(self._folder(record.key), f"{number}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps(record_to_json(record), separators=(",", ":")).encode()
        with scratch(temporary_folder) as temporary:
            write_new(temporary, data)
            try:
                # Unlike a rename, a link never replaces: of two that race for a number one fails.
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return _create_without_links(path, data)
        return True

    def use(self, key: str, now: float) -> None:
        """Let the folder of a key tell that its newest record is used; to the hour is enough. ``now``: seconds since
        the epoch. Does nothing where that is not allowed."""
        folder = self._folder(key)
        with suppress(OSError):
            if os.stat(folder).st_mtime < now - 3600:  # noqa: PTH116 (asked for each step)
                os.utime(folder, (now, now))

    def _folder(self, key: str) -> str:  # asked for each step, where building a Path costs more than the look
        if not _KEY.fullmatch(key):
            raise StoreError(f"'{key}' is not the key of a record")
        return f"{self._prefix}{key[:2]}{os.sep}{key}"

    def _numbered(self, key: str) -> list[tuple[int, str]]:
        try:
            with os.scandir(self._folder(key)) as entries:
                return [(int(found[1]), entry.path) for entry in entries if (found := _FILE.fullmatch(entry.name))]
        except FileNotFoundError:
            return []

    def _read(self, path: str, key: str) -> Record | None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 (read for each step, where a Path costs as much as the look)
                data = json.loads(file.read())
        except (OSError, ValueError):
            return None
        try:
            record = record_from_json(data)
        except ValueError:
            if _is_newer(data) and _NEWER not in self.notes:
                self.notes.append(_NEWER)
            return None
        return record if record.key == key else None


def _is_newer(data: Any) -> bool:
    schema = data.get("schema") if isinstance(data, dict) else None
    return isinstance(schema, int) and schema > SCHEMA


def _create_without_links(path: Path, data: bytes) -> bool:
    """For file systems without hard links. A kill in the middle leaves a record that cannot be read, so none."""
    try:
        write_new(path, data)
    except FileExistsError:
        return False
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
