"""The verbs' side of the screen: results to stdout, progress and messages to stderr, Ctrl-C as a clean cancel."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from core.desk import Desk
from core.jobs.job import Job, JobCancelled, JobState

T = TypeVar("T")


class Console:
    """Given to every verb: the desk, and how to talk."""

    def __init__(self, desk: Desk, *, json: bool, quiet: bool, verbose: bool) -> None:
        self.desk = desk
        self.json, self.quiet, self.verbose = json, quiet, verbose
        self._bar_shown = False

    # -- talking ------------------------------------------------------------
    def result(self, value: Any, text: str | None = None) -> None:
        """The verb's answer: with ``--json`` one JSON document, else ``text`` (or the value laid out)."""
        if self.json:
            print(_json(value), flush=True)
        elif text is not None:
            if text:
                print(text, flush=True)
        else:
            print(_laid_out(value), flush=True)

    def items(self, rows: Iterable[Any]) -> None:
        """With ``--json``: one JSON list, written as its items come, however many. It is not closed where they end in trouble."""
        before = "["
        for row in rows:
            sys.stdout.write(f"{before}{_json(row)}")
            before = ",\n"
        sys.stdout.write("[]\n" if before == "[" else "]\n")
        sys.stdout.flush()

    def line(self, value: Any) -> None:
        """One JSON line of a stream of results (always JSON)."""
        sys.stdout.write(_json(value) + "\n")

    def table(self, rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> None:
        """Rows as a JSON list, or as an aligned table."""
        if self.json:
            print(_json(list(rows)), flush=True)
            return
        names = list(columns or (rows[0] if rows else ()))
        cells = [names, *([_word(row.get(name)) for name in names] for row in rows)]
        widths = [max(len(line[index]) for line in cells) for index in range(len(names))]
        for line in cells:
            print("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())

    def say(self, message: str) -> None:
        """A message to stderr, unless ``--quiet``."""
        if not self.quiet:
            self._clear_bar()
            print(message, file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        """A message to stderr, always."""
        self._clear_bar()
        print(message, file=sys.stderr, flush=True)

    # -- working ------------------------------------------------------------
    def do(self, title: str, work: Callable[[Job[T]], T]) -> T:
        """Run ``work`` as a job on this thread, with progress on stderr; Ctrl-C and SIGTERM cancel it (JobCancelled)."""
        job: Job[T] = Job(title, work, (self._show_progress,))

        def cancel(*_: Any) -> None:
            # not here: the signal may have come while this very thread holds one of the job's locks
            threading.Thread(target=job.cancel, daemon=True).start()

        previous = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            job.run()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._clear_bar()
        if job.state is JobState.SUCCEEDED:
            return job.result  # type: ignore[return-value]
        if job.state is JobState.CANCELLED or job.error is None:
            if job.concluded and job.progress:  # what it had done until then
                self.warn(f"{job.progress.note}.")
            raise JobCancelled(title)
        raise job.error

    def _show_progress(self, job: Job[Any]) -> None:
        progress = job.progress
        if self.quiet or progress is None or job.state.is_final:
            return
        share = f"{progress.share:4.0%} " if progress.share is not None else ""
        text = f"{job.title}: {share}{progress.note}"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text[:120]}")
            sys.stderr.flush()
            self._bar_shown = True
        elif time.monotonic() - getattr(self, "_last_line", 0.0) > 5:
            self._last_line = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def _clear_bar(self) -> None:
        if self._bar_shown:
            sys.stderr.write("\r\x1b[K")
            self._bar_shown = False


def legible(name: str) -> str:
    """On one line, and without a terminal's commands: a key or a file's name may hold any character."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in name)


def ask_code_on_terminal(serial: str, note: str) -> str:
    """The code of a second factor, typed unseen. Raises OpsError (``credentials``) where no terminal is."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        from core.aws.second_factor import nobody_to_ask

        return nobody_to_ask(serial, note)
    import getpass

    sys.stderr.write("\r\x1b[K" + (f"{note}.\n" if note else ""))
    return getpass.getpass(f"Code of {serial}: ")


def _json(value: Any) -> str:
    import orjson

    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return list(value)
    return str(value)


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _laid_out(value: Any) -> str:
    if isinstance(value, dict):
        width = max((len(str(key)) for key in value), default=0)
        return "\n".join(f"{key!s:<{width}}  {_word(item)}" for key, item in value.items())
    return _word(value)
