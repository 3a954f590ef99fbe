"""Older backups: smaller than today's, encrypted for the key of that time, asked what the plan did not ask then. Still good ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from core.backups.outcomes import Outcome, Status
from core.backups.plan import Assertion, Proof
from core.settings.secrets import environment_name
from tests.core.backups.conftest import Station, broken, large
from tests.core.backups.test_alerts import Ahead


def test_one_of_when_there_was_less_is_not_too_small(folders: Station) -> None:
    old = folders.run()
    large(folders, 1)
    for _ in range(3):
        folders.run()
    assert folders.verify(run=old.id, level=1).outcome is Outcome.DONE
    large(folders, 0)
    assert broken(folders.verify(run=folders.run().id, level=1)).name == "size"


def test_a_changed_key_refutes_no_backup(folders: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    folders.keep(recipients=(str(first.to_public()),), proof=Proof(identity="key", older_every=0))
    run = folders.run()
    monkeypatch.setenv(environment_name("key"), str(second))
    tried = folders.verify()
    assert tried.outcome is Outcome.NOT_RESTORABLE_HERE and "another identity" in tried.headline
    assert folders.service.backups(folders.job(), "nightly")[0].failed is None
    folders.keep(proof=replace(folders.plan.proof, older_every=2))
    assert [folders.verify(level=2).run for _ in range(2)] == [run.id] * 2  # there is only one
    newest = folders.run()
    assert [folders.verify(level=2).run for _ in range(2)] == [run.id, newest.id]
    folders.keep(proof=replace(folders.plan.proof, older_every=0))
    monkeypatch.setenv(environment_name("key"), f"# since May\n{second}\n# before\n{first}\n")
    assert folders.verify(run=run.id).outcome is Outcome.DONE
    monkeypatch.setenv(environment_name("key"), str(second))
    body = bytearray(folders.body(run.key))
    body[-1] ^= 1
    folders.overwrite(run.key, bytes(body))
    assert broken(folders.verify(run=run.id)).name == "SHA-256 of the object"


def test_what_was_not_asked_then_is_not_held_against_it(station: Station) -> None:
    station.keep(proof=Proof())
    old = station.run()
    station.sql("CREATE TABLE invoices (id INT)")
    asked = Assertion("invoices", "SELECT COUNT(*) FROM invoices", ">=", "1")
    station.keep(proof=replace(station.plan.proof, assertions=(asked,)))
    station.run()
    proved = station.verify(run=old.id, level=5)
    assert proved.outcome is Outcome.DONE
    assert next(check.ok for check in proved.checks if check.name == "invoices") is None


def test_a_proof_speaks_for_what_was_saved_then_alone(folders: Station, tmp_path: Path) -> None:
    folders.run()
    folders.verify()
    assert folders.service.status(folders.job(), "nightly").status is Status.OK
    folders.keep(alerts=replace(folders.plan.alerts, silence_hours=30))
    assert folders.service.status(folders.job(), "nightly").status is Status.OK
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "file").write_text("never proved")
    ahead = Ahead(timedelta(hours=1))
    folders.under(clock=ahead)
    folders.keep(source=replace(folders.plan.source, paths=(str(tmp_path / "more"),)))
    status = folders.service.status(folders.job(), "nightly")
    assert status.status is Status.NEVER and status.rpo_proven is None
    assert not folders.service.verification_due("nightly")  # there is nothing to prove yet
    ahead.ahead += timedelta(minutes=1)
    folders.keep(proof=replace(folders.plan.proof, older_every=0))
    folders.run()
    assert folders.service.verification_due("nightly")
    folders.verify()
    assert folders.service.status(folders.job(), "nightly").status is Status.OK
    assert not folders.service.verification_due("nightly")
