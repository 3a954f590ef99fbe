"""One verification: up the ladder from "the object is there" to "restored, and every check holds"; every rung is recorded."""

from __future__ import annotations

import hashlib
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from statistics import median
from typing import Any

from core.backups.flow import OTHER_IDENTITY
from core.backups.ledger import Ledger
from core.backups.manifest import SUFFIX, Manifest, manifest_fact, read_manifest
from core.backups.objects.values import Archive
from core.backups.outcomes import Backup, Check, Outcome, Verification
from core.backups.plan import Plan
from core.backups.rowcount import TRAILER
from core.backups.targets import NOT_HERE, Options, Target, open_target
from core.backups.unpack import Unpacked, unpack
from core.backups.vault import Stored, Vault, newest_complete
from core.base.clock import Clock
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled


def choose(plan: Plan, backups: list[Backup], past: list[Verification], now: datetime) -> Backup | None:
    """The newest complete backup; every ``older_every``-th time one of the others at random."""
    newest = newest_complete(backups, now)
    others = [backup for backup in backups if backup.complete and backup is not newest]
    # Also one that cannot be restored here, else no other would ever be tried again.
    done = sum(verification.outcome not in (Outcome.RUNNING, Outcome.CANCELLED) for verification in past)
    every = plan.proof.older_every
    if every and others and done % every == every - 1:
        return random.choice(others)
    return newest


class Rehearsal:
    """Verifies one backup, once. A failed check is part of the answer, not an exception."""

    def __init__(self, plan: Plan, vault: Vault, ledger: Ledger, clock: Clock, options: Options) -> None:
        self._plan, self._vault, self._ledger, self._clock, self._options = plan, vault, ledger, clock, options
        self._checks: list[Check] = []
        self._not_here = ""
        self._asked = True
        self._began_restore: float | None = None
        self._taken: datetime | None = None

    def run(
        self, job: Job[Any], backup: Backup, siblings: list[Backup], level: int, asked_since: datetime | None = None
    ) -> Verification:
        """Climb to ``level``; stops where a rung makes the next ones senseless. Raises JobCancelled and bugs only.

        asked_since: when the plan was last changed. What it asks of the data need not have held before, so that only the newest
        backup may fail by that.
        """
        newest = newest_complete(siblings, self._clock.now())
        self._asked = not asked_since or backup.taken >= asked_since or (newest is not None and newest.id == backup.id)
        begun = Verification(0, self._plan.name, backup.id, self._clock.now(), Outcome.RUNNING, level)
        begun = replace(begun, id=self._ledger.begin_verification(begun))
        try:
            self._climb(job, backup, siblings, level)
        except BaseException as error:
            if job.stopping:  # a closed connection looks like any other trouble
                self._ledger.end_verification(self._ended(begun, Outcome.CANCELLED, "Cancelled"))
                raise JobCancelled(job.title) from error
            text = str(error) if isinstance(error, OpsError) else f"{type(error).__name__}: {error}"
            ended = self._ended(begun, Outcome.FAILED, text)
            self._ledger.end_verification(ended)
            if isinstance(error, OpsError):  # the endpoint went away, the identity is missing: nothing is proved
                return ended
            raise
        outcome = Outcome.DONE
        if any(check.ok is False for check in self._checks):
            outcome = Outcome.FAILED
        elif self._not_here:
            outcome = Outcome.NOT_RESTORABLE_HERE
        ended = self._ended(begun, outcome, self._not_here)
        self._ledger.end_verification(ended)
        return ended

    def _ended(self, begun: Verification, outcome: Outcome, error: str) -> Verification:
        carried_out = [check.level for check in self._checks if check.ok is not None]
        proved = outcome is Outcome.DONE
        return replace(
            begun,
            ended=self._clock.now(),
            outcome=outcome,
            level=begun.level if proved else max(carried_out, default=0),
            checks=tuple(self._checks),
            error=error,
            rto_seconds=time.monotonic() - self._began_restore
            if proved and self._began_restore and begun.level >= 3
            else None,
            rpo_seconds=(begun.started - self._taken).total_seconds() if self._taken else None,
        )

    def _add(
        self,
        level: int,
        name: str,
        ok: bool | None,
        expected: str = "",
        actual: str = "",
        seconds: float = 0.0,
        detail: str = "",
    ) -> bool:
        self._checks.append(Check(level, name, ok, expected, actual, seconds, detail))
        return ok is not False

    # -- the rungs --------------------------------------------------------------
    def _climb(self, job: Job[Any], backup: Backup, siblings: list[Backup], level: int) -> None:
        self._exists(backup, siblings)
        if not backup.complete or level < 1:
            return
        manifest = self._manifest(job, backup)
        if manifest is None or not self._head(job, manifest) or level < 2:
            return
        self._began_restore = time.monotonic()
        with ExitStack() as stack:
            target: Target | None = None
            if level >= 3:
                try:
                    target = stack.enter_context(open_target(job, self._plan, manifest, self._vault, self._options))
                except OpsError as error:
                    if error.code not in NOT_HERE:
                        raise
                    self._not_here = str(error)
            if self._restore(job, manifest, target) and target is not None and level >= 4:
                self._checked(job, target, level)

    def _exists(self, backup: Backup, siblings: list[Backup]) -> None:
        state = (
            "there, with its manifest" if backup.complete else "there, but its manifest is missing: the run never ended"
        )
        self._add(0, "backup exists", backup.complete, "object and manifest", state)
        sizes = [other.stored_bytes for other in siblings if other.complete and other.taken < backup.taken][:7]
        if len(sizes) >= 3:
            usual = median(sizes)
            ok = backup.stored_bytes >= usual / 2
            grown = "" if backup.stored_bytes <= usual * 1.5 else ": more than half again as large as usual"
            self._add(
                0,
                "size",
                ok,
                f"about {usual:,.0f} bytes, the median of the {len(sizes)} before it",
                f"{backup.stored_bytes:,} bytes{grown}",
            )
        else:
            self._add(0, "size", backup.stored_bytes > 0, "more than nothing", f"{backup.stored_bytes:,} bytes")
        hours = (self._clock.now() - backup.taken).total_seconds() / 3600
        limit = self._plan.silence.total_seconds() / 3600
        # A late backup is no broken one: the plan's rules speak of age, the proof only tells it.
        self._add(0, "age", True if hours <= limit else None, f"at most {limit:,.0f} h", f"{hours:,.1f} h")

    def _manifest(self, job: Job[Any], backup: Backup) -> Manifest | None:
        key = backup.key + SUFFIX
        expected = f"of {backup.plan}, run {backup.id}"
        try:
            content = self._vault.read(job, key)
            manifest = read_manifest(content, key)
        except OpsError as error:
            if error.code not in ("damaged", "not-found"):
                raise
            self._add(1, "manifest", False, expected, error.why)
            return None
        self._taken = manifest.started
        told = f"of {manifest.plan}, run {manifest.run}"
        if not self._add(1, "manifest", (manifest.key, manifest.run) == (backup.key, backup.id), expected, told):
            return None
        written = self._ledger.fact(manifest_fact(self._plan.name, backup.id))
        if written is not None:
            same = hashlib.sha256(content).hexdigest() == written
            words = "the very bytes that were written" if same else "changed since it was written"
            if not self._add(1, "manifest unchanged", same, "the very bytes that were written", words):
                return None
        return manifest

    def _head(self, job: Job[Any], manifest: Manifest) -> bool:
        started = time.monotonic()
        found = self._vault.look(job, manifest.key)
        if found is None:
            return self._add(1, "object", False, manifest.key, "it is gone")
        ok = self._add(
            1,
            "stored size",
            found.size == manifest.stored_bytes,
            f"{manifest.stored_bytes:,} bytes",
            f"{found.size:,} bytes",
            time.monotonic() - started,
        )
        ok = self._checksum_there(manifest, found) and ok
        parts = [f"class {found.storage_class}"]
        parts += [f"version {found.version}"] if found.version else []
        parts += [f"locked until {found.locked_until:%Y-%m-%d}"] if found.locked_until else []
        parts += [f"expires: {found.expires}"] if found.expires else []
        self._add(1, "version, lock, expiry", None, "", ", ".join(parts))
        if found.archive in (Archive.AWAY, Archive.COMING):
            self._not_here = f"The object is {found.archive.value} ({found.storage_class}): bring it back first"
            return False
        return ok

    def _checksum_there(self, manifest: Manifest, found: Stored) -> bool:
        """The checksum that the endpoint keeps, made of those of the parts, against what was sent."""
        name, sent = "checksum at the store", manifest.composite_sha256
        if not sent or sent.rpartition("-")[2] != found.composite.rpartition("-")[2] or "-" not in found.composite:
            told = (
                "it was stored again, in other parts"
                if "-" in found.composite
                else "the endpoint keeps none of its parts"
            )
            return self._add(1, name, None, "the one of what was sent", f"{told}: level 2 reads every byte")
        same = found.composite == sent
        words = "the one of what was sent" if same else "another: these are not the bytes that were sent"
        return self._add(
            1, name, same, "the one of what was sent", words, 0.0, f"sent  {sent}\nfound {found.composite}"
        )

    def _restore(self, job: Job[Any], manifest: Manifest, target: Target | None) -> bool:
        """Levels 2 and 3 in one pass over the object; true where both held."""
        identity = (
            self._options.secret(self._plan.proof.identity) if manifest.encrypted and self._plan.proof.identity else ""
        )
        feed = _Feed(target)
        started = time.monotonic()
        note = "Downloading and restoring" if target else "Downloading and checking"
        seen = unpack(job, self._vault, manifest, identity, feed.take, note)
        whole = self._downloaded(manifest, seen)
        if target is None:
            if self._not_here:
                self._add(3, "restore", None, "into a scratch server", self._not_here)
            return whole
        if not whole:
            why = self._not_here or "not tried to the end: the object is damaged"
            self._add(3, "restore", None, f"into {target.where}", why)
            return False
        return self._restored(job, manifest, target, feed, started) and whole

    def _downloaded(self, manifest: Manifest, seen: Unpacked) -> bool:
        ok = self._same_sum("object", manifest.stored_sha256, seen.stored_sha256, "stored", seen.seconds)
        if seen.error is not None and seen.error.code == OTHER_IDENTITY and ok:
            self._not_here = str(seen.error)  # what lies there is what was stored
            self._add(2, "decrypts", None, "by the plan's identity", seen.error.why)
            return False
        if seen.error is not None:
            return self._add(2, "decompresses to its end", False, f"{manifest.plain_bytes:,} bytes", seen.error.why)
        size = seen.plain_bytes == manifest.plain_bytes
        ok &= self._add(
            2, "decompresses to its end", size, f"{manifest.plain_bytes:,} bytes", f"{seen.plain_bytes:,} bytes"
        )
        ok &= self._same_sum("content", manifest.plain_sha256, seen.plain_sha256, "packed")
        if manifest.kind == "mysql":
            closing = TRAILER.search(seen.tail) is not None
            words = "there" if closing else "missing: the dump was cut before it was packed"
            ok &= self._add(2, "closing line of the dump", closing, "-- Dump completed", words)
        return ok

    def _same_sum(self, what: str, wanted: str, found: str, when: str, seconds: float = 0.0) -> bool:
        same = wanted == found
        words = (
            f"the very bytes that were {when}" if same else f"other bytes than were {when}: damaged or replaced since"
        )
        sums = f"expected {wanted}\nfound    {found}"
        return self._add(2, f"SHA-256 of the {what}", same, f"{wanted[:12]}…", words, seconds, sums)

    def _restored(self, job: Job[Any], manifest: Manifest, target: Target, feed: _Feed, started: float) -> bool:
        job.report(0, None, "Waiting for the last statements")
        error = feed.error
        if error is None:
            try:
                target.finish()
            except OpsError as trouble:
                error = trouble
        seconds = time.monotonic() - started
        expected = f"loads into {target.where} without an error"
        if error is None:
            return self._add(3, "restore", True, expected, "no error", seconds)
        job.checkpoint()
        ended = target.why_ended()
        if ended:
            self._not_here = f"The scratch server ended: {ended}"
            return not self._add(3, "restore", None, expected, self._not_here, seconds)
        if error.code in NOT_HERE:
            self._not_here = str(error)
            return not self._add(3, "restore", None, expected, error.why, seconds)
        mismatch = target.mismatch(error)
        if mismatch:
            self._not_here = f"{mismatch} ({error.why})"
            return not self._add(3, "restore", None, expected, self._not_here, seconds)
        reads = [words for part in manifest.databases for words in part.reads]
        return self._add(3, "restore", False, expected, "; ".join([error.why, *reads[:3]]), seconds)

    def _checked(self, job: Job[Any], target: Target, level: int) -> None:
        try:
            for check in target.checks(job, level):
                if check.level == 5 and check.ok is False and not self._asked:
                    told = f"{check.actual}: the plan was changed since, and may not have asked for it then"
                    check = replace(check, ok=None, actual=told)
                self._checks.append(check)
                job.checkpoint()
        except OpsError:
            job.checkpoint()
            ended = target.why_ended()
            if not ended:
                raise
            self._not_here = f"The scratch server ended: {ended}"


class _Feed:
    """Passes plain bytes on until the target refuses, and swallows the rest: the object is still read to its end, since
    whether its own bytes are right has to be told apart from whether they load."""

    def __init__(self, target: Target | None) -> None:
        self._target = target
        self.error: OpsError | None = None

    def take(self, plain: bytes) -> None:
        if self._target is None or self.error is not None:
            return
        try:
            self._target.write(plain)
        except OpsError as error:
            if error.code not in ("load", *NOT_HERE):
                raise
            self.error = error
