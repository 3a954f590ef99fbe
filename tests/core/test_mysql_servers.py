"""MySQL servers of one's own: added to a profile with their passwords in the keyring, used at once, forgotten."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import keyring
import pytest
from keyring.backends import fail

from core.base.errors import OpsError, WrongUse
from core.base.places import Places
from core.cli.arguments import parse
from core.cli.run import run_verb
from core.desk import Desk
from core.jobs.job import headless_job
from core.settings.profiles import MysqlSource, Profile, Profiles
from core.settings.store import SettingsStore
from tests.fakes.keyring import MemoryKeyring
from tests.sandboxed import Sandbox

SHOP = MysqlSource("shop", "db.example.com", 3307, "backup")


@pytest.fixture
def profiles(home: Places) -> Profiles:
    made = Profiles(home.config / "profiles.toml")
    made.add(Profile("acme", region="eu-west-1"))
    return made


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, profiles: Profiles) -> Callable[..., int]:
    """Runs a verb in this process, with ``typed`` on its stdin."""
    monkeypatch.setattr("core.cli.run.open_journal", lambda *_, **__: None)

    def run(*words: str, typed: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return run_verb(parse([*words]))

    return run


def test_a_server_is_added_changed_and_forgotten_by_verbs(
    shell: Callable[..., int], profiles: Profiles, ring: MemoryKeyring
) -> None:
    add = ("profiles", "add-mysql", "acme", "shop", "--host", "db.example.com", "--port", "3307", "--user", "backup")
    assert shell(*add, typed="s3cret word \n") == 0
    assert profiles.get("acme").mysql == (SHOP,) and ring.kept == {"mysql/acme/shop": "s3cret word "}
    assert shell(*add[:4], "--host", "other", "--no-password") == 0
    assert profiles.get("acme").mysql == (MysqlSource("shop", "other"),) and len(ring.kept) == 1
    assert "s3cret" not in profiles._path.read_text()
    assert shell("profiles", "remove-mysql", "acme", "shop") == 0
    assert profiles.get("acme").mysql == () and ring.kept == {}
    assert shell("profiles", "remove-mysql", "acme", "shop") == 2
    assert shell(*add) == 2  # nothing typed: no empty password is kept
    assert ring.kept == {}


def test_any_secret_is_kept_and_forgotten_by_its_name(shell: Callable[..., int], ring: MemoryKeyring) -> None:
    assert shell("profiles", "secret", "backup/nightly/smtp", typed="hunter2\n") == 0
    assert ring.kept == {"backup/nightly/smtp": "hunter2"}
    assert shell("profiles", "secret", "backup/nightly/smtp", "--remove") == 0
    assert ring.kept == {}
    assert (
        shell("profiles", "secret", "key", typed="# created: today\nAGE-SECRET-KEY-1A\n") == 0
    )  # what age-keygen writes
    assert ring.kept == {"key": "# created: today\nAGE-SECRET-KEY-1A"}


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("env", SHOP, "built in"),
        ("sandbox", SHOP, "built in"),
        ("acme", replace(SHOP, name="a b"), "no name for a server"),
        ("acme", replace(SHOP, host=" "), "cannot be reached"),
        ("acme", replace(SHOP, port=0), "cannot be reached"),
        ("acme", replace(SHOP, ca_file="/nowhere.pem"), "no file"),
    ],
)
def test_what_cannot_be_a_server_is_refused(profiles: Profiles, name: str, source: MysqlSource, told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        profiles.put_mysql(name, source)
    assert profiles.get("acme").mysql == ()


def test_an_open_desk_knows_the_new_server_at_once(
    home: Places, profiles: Profiles, ring: MemoryKeyring, sandbox: Sandbox
) -> None:
    desk = Desk(home, SettingsStore(home.config / "settings.toml"), profiles, profiles.get("acme"))
    assert desk.backups.servers(headless_job()) == []
    real = sandbox.target.mysql[0]
    wrong = replace(real, name="main", password=None, user="nobody")
    with pytest.raises(OpsError):
        desk.backups.try_server(headless_job(), wrong, "wrong")
    desk.backups.try_server(headless_job(), replace(wrong, user=real.user), real.password or "")
    assert desk.backups.servers(headless_job()) == [] and ring.kept == {}  # looked at only
    desk.keep_mysql(replace(real, name="main", password=None), real.password or "")
    assert desk.backups.servers(headless_job()) == ["main"]
    desk.backups.databases(headless_job(), "main")  # logs in
    desk.backups.try_server(headless_job(), replace(real, name="main", password=None))  # by what is kept
    assert desk.forget_mysql("main") == "" and ring.kept == {}
    assert desk.backups.servers(headless_job()) == [] and profiles.get("acme").mysql == ()
    desk.close()


def test_without_a_keyring_the_server_is_kept_and_the_way_out_is_told(
    home: Places, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", fail.Keyring())
    desk = Desk(home, SettingsStore(home.config / "settings.toml"), profiles, profiles.get("acme"))
    with pytest.raises(OpsError, match="no keyring") as caught:
        desk.keep_mysql(SHOP, "s3cret")
    assert "OPSDESK_SECRET_MYSQL_ACME_SHOP" in caught.value.remedy
    assert [one.name for one in desk.aws.target().mysql] == ["shop"]
    desk.keep_mysql(SHOP)
    desk.close()
