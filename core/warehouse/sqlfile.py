"""A SQL file on disk: read as text, written back with its own line ends and mark, and never over what changed there meanwhile."""

from __future__ import annotations

import codecs
import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import OpsError
from core.base.files import write_atomic

LARGEST = 5_000_000  # bytes of SQL an editor can be asked to hold


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file as it was last read or written. newline: what ends its lines. marked: it begins with UTF-8's mark (BOM).
    mixed: its lines end in more than one way, and the next writing makes them one."""

    digest: str
    newline: str = "\n"
    marked: bool = False
    mixed: bool = False

    def document(self) -> dict[str, object]:
        return {"digest": self.digest, "newline": self.newline, "marked": self.marked, "mixed": self.mixed}

    @classmethod
    def from_document(cls, found: object) -> OnDisk | None:
        """None where somebody edited it into something else."""
        if not isinstance(found, dict) or found.get("newline") not in ("\n", "\r\n"):
            return None
        return cls(
            str(found.get("digest", "")), str(found["newline"]), found.get("marked") is True, found.get("mixed") is True
        )


def read_sql(path: Path) -> tuple[str, OnDisk]:
    """Its text, lines ended by ``\\n``. Raises OpsError: ``too-large``, or ``disk`` where it cannot be read or is not UTF-8."""
    try:
        if path.stat().st_size > LARGEST:
            raise OpsError(
                f"{path.name} is too large",
                f"An editor holds {LARGEST // 1_000_000} MB",
                "Use `warehouse query --file`",
                code="too-large",
            )
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OpsError(
            f"{path.name} cannot be read",
            f"It is not UTF-8 ({error.reason} at byte {error.start:,})",
            "Save it as UTF-8 with the editor it came from",
            code="disk",
        ) from error
    except OSError as error:
        raise OpsError(
            f"{path.name} cannot be read", error.strerror or str(error), "Choose another file", code="disk"
        ) from error
    windows = text.count("\r\n")
    unix, lone = text.count("\n") - windows, text.count("\r") - windows
    mixed = bool(lone or (windows and unix))
    disk = OnDisk(
        _digest(content), "\r\n" if windows > unix else "\n", content.startswith(codecs.BOM_UTF8), mixed=mixed
    )
    return text.replace("\r\n", "\n").replace("\r", "\n"), disk


def write_sql(path: Path, text: str, before: OnDisk | None, *, over: bool = False) -> OnDisk:
    """Write in one step, with line ends, mark and permissions as they were.

    Raises OpsError: ``changed`` where the file is not ``before`` any more (unless ``over``), ``disk`` where it cannot be written.
    """
    place = path.resolve()  # a link stays one
    try:
        now, mode = _digest(place.read_bytes()), stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        now, mode = "", 0o644
    except OSError as error:
        raise OpsError(
            f"{path.name} could not be written", error.strerror or str(error), "Choose another file", code="disk"
        ) from error
    if now and before is not None and now != before.digest and not over:
        raise OpsError(
            f"{path.name} has changed on disk",
            "Another program wrote it since it was opened or saved here",
            "Open it again to see what is new, or save under another name",
            code="changed",
        )
    shape = before or OnDisk("")
    content = text.replace("\n", shape.newline).encode()
    if shape.marked:
        content = codecs.BOM_UTF8 + content
    write_atomic(place, content, mode=mode)
    return OnDisk(_digest(content), shape.newline, shape.marked)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
