"""One backup run: what a plan saves goes up as one object that appears only when it is whole, the manifest last."""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.backups.content import Content, Parts, content_of
from core.backups.dump import TABLE_CHANGED
from core.backups.flow import Tally, compressed, encrypt_into, read_ahead
from core.backups.ledger import Ledger
from core.backups.manifest import SUFFIX, FilesPart, Manifest, manifest_fact, read_manifest, restore_by_hand
from core.backups.outcomes import Finding, Outcome, Run, Severity
from core.backups.plan import Plan
from core.backups.schema import LOST
from core.backups.server import Login
from core.backups.upload import MultipartUpload
from core.backups.vault import LIST_SUFFIX, Stored, Vault, object_key, stamp
from core.base.clock import Clock
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled

_AGAIN = (TABLE_CHANGED, "conflict")
"""Faults after which one more attempt makes sense."""

_PASSING = ("unreachable", "throttled", "server", "credentials", "expired", "clock")  # codes of troubles that end


class BackupRun:
    """Backs one plan up, once. The caller holds the plan's lock."""

    def __init__(
        self,
        plan: Plan,
        vault: Vault,
        ledger: Ledger,
        clock: Clock,
        login: Callable[[str], Login],
        *,
        part_size: int,
        workers: int,
    ) -> None:
        self._plan, self._vault, self._ledger, self._clock = plan, vault, ledger, clock
        self._login, self._part_size, self._workers = login, part_size, workers
        self._appeared = ""
        """The key of an object that is whole in the bucket and has no manifest yet: the next run can write it."""

    def run(self, job: Job[Any]) -> Run:
        """The run, done; raises OpsError or JobCancelled with nothing left in the bucket, and the ledger told why."""
        run = self._begin()
        try:
            try:
                manifest = self._attempt(job, run)
            except OpsError as error:
                if error.code not in _AGAIN:
                    raise
                job.report(0, None, f"{error.title}: trying once more")
                manifest = self._attempt(job, run)
        except BaseException as error:
            if job.stopping:  # a program or a line that the cancel has ended looks like any other trouble
                self._ledger.end_run(
                    replace(run, ended=self._clock.now(), outcome=Outcome.CANCELLED, error="Cancelled")
                )
                raise JobCancelled(job.title) from error
            text = str(error) if isinstance(error, OpsError) else f"{type(error).__name__}: {error}"
            lost = _lost(error) if isinstance(error, OpsError) else ()
            failed = replace(
                run, ended=self._clock.now(), outcome=Outcome.FAILED, error=text, findings=(*run.findings, *lost)
            )
            self._ledger.end_run(failed, to_publish=self._appeared)
            raise
        findings = (*run.findings, *(Finding(Severity.WARNING, "run-note", note) for note in manifest.notes))
        done = replace(
            run,
            ended=self._clock.now(),
            outcome=Outcome.DONE,
            key=manifest.key,
            plain_bytes=manifest.plain_bytes,
            stored_bytes=manifest.stored_bytes,
            rows=manifest.rows,
            findings=findings,
        )
        self._ledger.end_run(done)
        probe_once(job, self._vault, self._ledger, manifest)
        return done

    def _begin(self) -> Run:
        started = self._clock.now()
        last = self._ledger.runs(self._plan.name, 1)
        findings: tuple[Finding, ...] = ()
        if last and last[0].started > started:
            findings = (
                Finding(
                    Severity.WARNING,
                    "clock",
                    "This computer's clock went back",
                    f"The run before began at {last[0].started:%Y-%m-%d %H:%M:%S} UTC, this one at {started:%Y-%m-%d %H:%M:%S} UTC",
                    "Set the clock right: names and ages of backups depend on it",
                ),
            )
        moment: datetime = started
        while self._ledger.has_run(self._plan.name, stamp(moment)):
            moment += timedelta(seconds=1)
        run = Run(stamp(moment), self._plan.name, started, Outcome.RUNNING, findings=findings)
        self._ledger.begin_run(run, self._plan.target.bucket)
        return run

    def _attempt(self, job: Job[Any], run: Run) -> Manifest:
        key = object_key(self._plan, run.id)
        if self._vault.look(job, key) is not None:  # an endpoint that does not enforce If-None-Match would overwrite it
            raise OpsError(
                f"There is a backup {key}", "Nothing is ever overwritten", "Run again in a second", code="exists"
            )
        content = content_of(self._plan, self._login)
        try:
            with self._vault.upload(
                job,
                key,
                run.id,
                part_size=self._part_size,
                workers=self._workers,
                opened=lambda upload: self._ledger.note_upload(run.plan, run.id, key=key, upload_id=upload),
            ) as upload:
                plain, stored = self._flow(job, content, upload)
                parts = content.finish(job)
                upload.seal()
                manifest = self._manifest(run, key, content, plain, stored, parts, upload.composite_sha256)
                self._gate(manifest)
                job.report(stored.size, stored.size, "Publishing the whole dump")
                job.commit()  # from here on the backup appears; half a publication would help nobody
                self._complete(job, run, upload, manifest, parts)
        finally:
            content.close()
        return manifest

    def _flow(self, job: Job[Any], content: Content, upload: MultipartUpload) -> tuple[Tally, Tally]:
        plain, stored = Tally(), Tally()
        sink = _Sink(job, upload, stored, plain)
        pieces = read_ahead(plain.over(content.pieces(job)), content.halt)
        try:
            encrypt_into(compressed(pieces, self._plan.compression), self._plan.recipients, sink)
        finally:
            pieces.close()  # type: ignore[attr-defined]
        return plain, stored

    def _gate(self, manifest: Manifest) -> None:
        """The last look before publishing; exit status, closing line and row counts were looked at on the way."""
        least = self._plan.proof.minimum_bytes
        if manifest.plain_bytes < least:
            raise OpsError(
                f"The backup of {self._plan.name} is too small",
                f"{manifest.plain_bytes:,} bytes, the plan expects {least:,} at least",
                "Nothing was published; check the source",
                code="empty",
            )

    def _manifest(
        self, run: Run, key: str, content: Content, plain: Tally, stored: Tally, parts: Parts, composite_sha256: str
    ) -> Manifest:
        files = None
        if parts.file_list is not None:
            files = FilesPart(
                parts.file_count, parts.file_bytes, key + LIST_SUFFIX, parts.file_list_sha256, parts.notes
            )
        return Manifest(
            plan=run.plan,
            run=run.id,
            kind=content.kind,
            started=run.started,
            ended=self._clock.now(),
            key=key,
            stored_bytes=stored.size,
            stored_sha256=stored.sha256,
            composite_sha256=composite_sha256,
            plain_bytes=plain.size,
            plain_sha256=plain.sha256,
            compression=self._plan.compression,
            encrypted=bool(self._plan.recipients),
            host=socket.gethostname(),
            engine=parts.engine,
            engine_version=parts.engine_version,
            program=parts.program,
            databases=parts.databases,
            files=files,
            notes=parts.notes,
            by_hand=restore_by_hand(
                self._plan.target.bucket,
                key,
                content.kind,
                self._plan.compression,
                encrypted=bool(self._plan.recipients),
                database=parts.databases[0].name if len(parts.databases) == 1 else "",
            ),
        )

    def _complete(self, job: Job[Any], run: Run, upload: MultipartUpload, manifest: Manifest, parts: Parts) -> None:
        # Told before the object appears: if this process dies in between, the next run can still publish the rest.
        text = manifest.to_json()
        if parts.file_list is not None:
            self._ledger.keep_list(run.plan, run.id, parts.file_list)
        self._ledger.note_upload(run.plan, run.id, key=manifest.key, upload_id=upload.upload_id, manifest=text.decode())
        try:
            upload.complete()
        except OpsError as error:
            # After a broken answer the repeated request finds its own object: ours if size and checksum fit.
            if not upload.completing or error.code not in ("exists", "not-found", "aws"):
                raise
            if not _holds(self._vault.look(job, manifest.key), manifest):
                raise
        if not _holds(self._vault.look(job, manifest.key), manifest):
            raise OpsError(
                f"What arrived under {manifest.key} is not what was sent",
                f"The endpoint tells another size or checksum than the {manifest.stored_bytes:,} bytes that were sent",
                "No manifest was written; verify the endpoint and back up again",
                code="damaged",
            )
        self._appeared = manifest.key
        if manifest.files and parts.file_list is not None:
            self._vault.put(job, manifest.files.list_key, parts.file_list, run.id, "application/zstd")
        self._vault.put(job, manifest.key + SUFFIX, text, run.id, "application/json")
        self._ledger.remember(manifest_fact(run.plan, run.id), hashlib.sha256(text).hexdigest())


def _lost(error: OpsError) -> tuple[Finding, ...]:
    """The first thing to think of where what is to be saved is gone."""
    name = error.details.get(LOST)
    if not name:
        return ()
    title = f"If {name} was lost, its backups can bring it back"
    return (Finding(Severity.ERROR, "source-lost", title, "The last of them are listed below", "Restore it"),)


class _Sink:
    """Takes what is to be stored: hashes it, sends it, tells how far it is."""

    def __init__(self, job: Job[Any], upload: MultipartUpload, stored: Tally, plain: Tally) -> None:
        self._job, self._upload, self._stored, self._plain = job, upload, stored, plain

    def write(self, data: bytes) -> None:
        self._stored.add(data)
        self._upload.write(data)
        note = f"{self._plain.size / 1e6:,.0f} MB read, {self._stored.size / 1e6:,.0f} MB packed and sent"
        self._job.report(self._plain.size, None, note)


def recover(job: Job[Any], plan: Plan, vault: Vault, ledger: Ledger, clock: Clock) -> list[Run]:
    """End what a killed process left: publish the manifest of an object that was whole, abort an open upload.

    The caller holds the plan's lock, so whatever the ledger calls running is dead. Returns the runs ended here.
    """
    ended = []
    for run, bucket, upload_id, text in ledger.unfinished(plan.name):
        done = replace(run, ended=clock.now(), outcome=Outcome.FAILED)
        there = vault if bucket == vault.bucket else Vault(vault.aws, _into(plan, bucket))  # the plan was changed since
        manifest = _published(job, there, text) if text else None
        if manifest is None:
            if not _swept(plan, there, run, bucket, upload_id):
                continue  # stays unfinished, so that the next run tries again
            done = replace(
                done, error=run.error or "The program was ended before the run was done; nothing was published"
            )
        elif _list_is_there(job, there, ledger, manifest):
            there.put(job, run.key + SUFFIX, text.encode(), run.id, "application/json")
            ledger.remember(manifest_fact(run.plan, run.id), hashlib.sha256(text.encode()).hexdigest())
            done = replace(
                done,
                outcome=Outcome.DONE,
                error="",
                plain_bytes=manifest.plain_bytes,
                stored_bytes=manifest.stored_bytes,
                rows=manifest.rows,
            )
        else:
            done = replace(
                done, error="The program was ended while it published: the list of files is lost, it is no backup"
            )
        ledger.end_run(done)
        ended.append(done)
    return ended


def _into(plan: Plan, bucket: str) -> Plan:
    return replace(plan, target=replace(plan.target, bucket=bucket))


def _swept(plan: Plan, vault: Vault, run: Run, bucket: str, upload_id: str) -> bool:
    """Abort the upload of a dead run; one whose id nobody noted any more is found by its key.

    False where the next run has to look again.
    """
    left = [(run.key, upload_id)] if upload_id else []
    if not left:
        key = object_key(plan, run.id)
        try:
            left = [(key, upload) for found, upload in vault.open_uploads(key) if found == key]
        except OpsError as error:  # some roles and endpoints never tell: then the lifecycle has to sweep
            logging.getLogger(__name__).warning("whether an upload of %s is still open is not told: %s", key, error)
            return error.code not in _PASSING
    whole = True
    for key, upload in left:
        trouble = vault.abort(key, upload, bucket)
        if trouble is not None:
            logging.getLogger(__name__).warning("an upload of %s may still be open: %s", key, trouble)
            whole = False
    return whole


def _published(job: Job[Any], vault: Vault, text: str) -> Manifest | None:
    """What the dead process had proved whole, if its object did appear."""
    manifest = read_manifest(text.encode(), "ledger")
    return manifest if _holds(vault.look(job, manifest.key), manifest) else None


def _holds(found: Stored | None, manifest: Manifest) -> bool:
    """Whether what the endpoint tells of an object is what was sent."""
    if found is None or found.size != manifest.stored_bytes:
        return False
    # Some endpoints keep no composite checksum, or one of their own making without the number of parts; older manifests hold none.
    sent = manifest.composite_sha256
    return not sent or "-" not in found.composite or found.composite == sent


def _list_is_there(job: Job[Any], vault: Vault, ledger: Ledger, manifest: Manifest) -> bool:
    """The list of files, put up now where the dead process did not come to it."""
    if manifest.files is None:
        return True
    kept = ledger.kept_list(manifest.plan, manifest.run)
    if kept is None:
        return vault.look(job, manifest.files.list_key) is not None
    vault.put(job, manifest.files.list_key, kept, manifest.run, "application/zstd")
    return True


def probe_once(job: Job[Any], vault: Vault, ledger: Ledger, manifest: Manifest) -> None:
    """Measure what the endpoint enforces, once per endpoint, and remember it. The backup is safe by now: trouble is only logged."""
    name = endpoint_fact_name(vault)
    if ledger.fact(name) is not None:
        return
    try:
        facts = vault.probe(job, manifest.key + SUFFIX, manifest.to_json(), manifest.run)
    except OpsError as error:
        logging.getLogger(__name__).info("the endpoint could not be probed: %s", error)
        return
    ledger.remember(name, {"no_overwrite": facts.no_overwrite, "checks_sums": facts.checks_sums})


def endpoint_fact_name(vault: Vault) -> str:
    endpoints = vault.aws.target().endpoints
    return "endpoint:" + (endpoints.get("s3") or endpoints.get("default") or "aws")
