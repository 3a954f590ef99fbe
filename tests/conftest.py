"""What every test is given: a home of its own, and one sandbox for the whole session."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.base.places import Places

if TYPE_CHECKING:
    from tests.sandboxed import Sandbox

SHARED = Path(__file__).resolve().parents[2] / "shared"

pytest_plugins = ("tests.first_collects",)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """What is imported meanwhile stays: the collector need not walk through it, neither now nor with every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """An empty OPSDESK_HOME; a sandbox that is started in it gets no demo data (eight seconds of CPU)."""
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPSDESK_SANDBOX_SEED", "off")
    return Places.here().made()


@pytest.fixture
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with the text of the only AWS configuration that there is; the home is the test's own, too."""

    def write(configuration: str) -> None:
        (tmp_path / "config").write_text(configuration)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)

    return write


def whole_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all xdist workers share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The real sandbox, one for the whole session, shared by all xdist workers; started by the first test that asks.

    It is a ``tests.sandboxed.Sandbox``: ``.places``, ``.target`` (endpoints, credentials), ``.aws`` (an AwsSession),
    ``.client("s3")`` (boto3), ``.desk()`` (every room's service on it), ``.mysql()`` (a pymysql connection),
    ``.name("bucket")`` (a name that no other test has). Whoever makes something gives it such a name: nothing is
    emptied between tests. There are no demo data in it, unless the session is run with OPSDESK_SANDBOX_SEED=small
    or full.
    """
    from tests.sandboxed import Sandbox

    root = whole_session(tmp_path_factory)
    with pytest.MonkeyPatch.context() as patch:  # what the first start says holds for that home
        patch.setenv("OPSDESK_SANDBOX_SEED", os.environ.get("OPSDESK_SANDBOX_SEED", "off"))
        made = Sandbox(root / "sandbox-home")
    yield made
    made.close()


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The system's keyring: a ``MemoryKeyring``."""
    import keyring.core

    from tests.fakes.keyring import MemoryKeyring

    made = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", made)
    return made
