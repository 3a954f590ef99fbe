"""Settings and profiles: checked whole, written in one step, a broken file kept aside and never overwritten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import OpsError, WrongUse
from core.base.files import atomic_file, write_atomic
from core.settings.profiles import MysqlSource, Profile, Profiles, WarehouseConnection
from core.settings.secrets import Secrets, environment_name
from core.settings.store import SettingsStore


def test_a_change_is_written_and_read_again_with_comments_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("# mine\n[appearance]\ntheme = 'dark' # at night\nfrom_the_future = 1\n")
    store = SettingsStore(path)
    heard = []
    store.listen(heard.append)
    store.set("digits", pen_width=30)
    text = path.read_text()
    assert "# mine" in text
    assert "# at night" in text
    assert "from_the_future = 1" in text
    again = SettingsStore(path).current
    assert (again.appearance.theme, again.digits.pen_width) == ("dark", 30)
    assert heard == [again]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[appearance\n", "]"),
        ("[appearance]\ntheme = 'purple'\n", "purple"),
        ("[digits]\npen_width = 4000\n", "4 to 60"),
        ("[digits]\npen_width = 'wide'\n", "wide"),
        ("[streams]\nreads_per_second = true\n", "True"),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_a_file_that_cannot_be_used_is_kept_aside(tmp_path: Path, text: str | bytes, word: str) -> None:
    path = tmp_path / "settings.toml"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    store = SettingsStore(path)
    assert store.trouble is not None
    assert word in str(store.trouble)
    assert (tmp_path / "settings.toml.broken-1").read_bytes() == content
    store.set("appearance", utc=True)
    assert SettingsStore(path).current.appearance.utc
    assert (tmp_path / "settings.toml.broken-1").read_bytes() == content


def test_a_refused_change_changes_nothing(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.toml")
    with pytest.raises(WrongUse, match="4 to 60"):
        store.set("digits", pen_width=1)
    assert store.current.digits.pen_width == 22
    assert not (tmp_path / "settings.toml").exists()


def test_a_folder_that_cannot_be_written_is_said_and_the_old_value_stays(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    store = SettingsStore(tmp_path / "elsewhere" / "settings.toml")
    store._path = tmp_path / "config" / "settings.toml"
    with pytest.raises(OpsError) as caught:
        store.set("digits", pen_width=30)
    assert caught.value.code == "disk"
    assert store.current.digits.pen_width == 22


def test_an_atomic_write_leaves_the_old_content_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def break_off() -> None:
        with atomic_file(path) as file:
            file.write(b"half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_profiles_go_round_and_keep_no_password(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    profile = Profile(
        "acme-prod", region="eu-west-1", aws_profile="acme", endpoints={"s3": "http://127.0.0.1:9"},
        warehouses=(WarehouseConnection("wh", cluster="c1", db_user="u", password="secret1"),),
        mysql=(MysqlSource("shop", "db.acme.example", databases=("shop", "crm"), password="secret2"),),
    )  # fmt: skip
    Profiles(path).add(profile)
    assert "secret" not in path.read_text()
    again = Profiles(path).get("acme-prod")
    assert again.mysql[0].databases == ("shop", "crm")
    assert again.warehouses[0].password is None
    assert again.guarded
    Profiles(path).remove("acme-prod")
    assert Profiles(path).names() == ["sandbox", "env"]


@pytest.mark.parametrize("written", ['"prod"', '"PROD"', '"development"', "7", '""'])
def test_an_environment_that_nobody_knows_is_production_and_told(tmp_path: Path, written: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(f"[acme]\nenvironment = {written}\n\n[other]\nenvironment = 'Staging'\n")
    profiles = Profiles(path)
    assert (profiles.get("acme").environment, profiles.get("acme").guarded) == ("production", True)
    assert profiles.get("other").environment == "staging"
    assert profiles.trouble is not None
    assert "acme" in profiles.trouble.title
    assert "read-only" in profiles.trouble.why


@pytest.mark.parametrize("name", ["", "sandbox", "env", "a b", "../x", "-x", "x" * 65])
def test_bad_profile_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongUse):
        Profiles(tmp_path / "profiles.toml").add(Profile(name))


@given(st.binary(max_size=200))
def test_no_bytes_in_profiles_toml_bring_the_program_down(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("p") / "profiles.toml"
    path.write_bytes(content)
    profiles = Profiles(path)
    assert profiles.names()[:2] == ["sandbox", "env"]
    assert profiles.trouble is None or not path.exists()


def test_secrets_come_from_the_environment_where_no_keyring_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends import fail

    monkeypatch.setattr(keyring.core, "_keyring_backend", fail.Keyring())
    assert environment_name("mysql/acme/shop") == "OPSDESK_SECRET_MYSQL_ACME_SHOP"
    with pytest.raises(OpsError, match="no keyring"):
        Secrets().get("mysql/acme/shop")
    monkeypatch.setenv("OPSDESK_SECRET_MYSQL_ACME_SHOP", "s3cret")
    assert Secrets().need("mysql/acme/shop") == "s3cret"


def test_what_another_opsdesk_changed_meanwhile_is_kept(tmp_path: Path) -> None:
    """A window and a verb, each with the settings as they were when it began."""
    window, verb = SettingsStore(tmp_path / "settings.toml"), SettingsStore(tmp_path / "settings.toml")
    verb.set("digits", pen_width=30)
    heard = []
    window.listen(heard.append)
    window.set("appearance", utc=True)
    kept = SettingsStore(tmp_path / "settings.toml").current
    assert (kept.digits.pen_width, kept.appearance.utc) == (30, True)
    assert heard == [kept] and window.current == kept


def test_a_profile_that_another_opsdesk_adds_is_seen_and_kept(tmp_path: Path) -> None:
    window, verb = Profiles(tmp_path / "profiles.toml"), Profiles(tmp_path / "profiles.toml")
    verb.add(Profile("acme"))
    assert window.names() == ["sandbox", "env", "acme"]
    late = Profiles(tmp_path / "profiles.toml")
    verb.add(Profile("beta"))
    late.add(Profile("gamma"))
    verb.remove("acme")
    assert late.names() == window.names() == ["sandbox", "env", "beta", "gamma"]


def test_many_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Profiles(tmp_path / "profiles.toml").add(Profile(f"p{n}")), range(24)))
    assert len(Profiles(tmp_path / "profiles.toml").names()) == 26


def test_what_the_owner_wrote_beside_a_profile_stays(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(
        "# clients\n[acme]\nregion = 'eu-west-1' # theirs\nfrom_the_future = 1\n"
        "[[acme.mysql]]\n# the replica\nname = 'shop'\nhost = 'db'\n\n[beta] # soon\nregion = 'us-east-1'\n"
    )
    profiles = Profiles(path)
    profiles.add(Profile("gamma"))
    profiles.add(replace(profiles.get("beta"), region="us-east-2"))
    text = path.read_text()
    assert all(words in text for words in ("# clients", "# theirs", "from_the_future = 1", "# the replica", "# soon"))
    again = Profiles(path)
    assert again.trouble is None
    assert (again.get("beta").region, again.get("acme").mysql[0].host) == ("us-east-2", "db")
    profiles.remove("acme")
    assert Profiles(path).names() == ["sandbox", "env", "beta", "gamma"] and "acme" not in path.read_text()


def test_a_file_broken_while_it_is_in_use_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    profiles = Profiles(path)
    profiles.add(Profile("acme"))
    told: list[OpsError] = []
    profiles.told = told.append
    path.write_text("[acme\nhalf an edit")
    for _ in range(3):  # looking changes nothing: whoever is writing there goes on
        assert profiles.names() == ["sandbox", "env", "acme"]
    assert path.read_text() == "[acme\nhalf an edit"
    assert [fault.remedy for fault in told] == ["Correct the file; until then the profiles that were known stay"]
    profiles.add(Profile("beta"))
    assert profiles.names() == ["sandbox", "env", "acme", "beta"]
    assert path.with_name("profiles.toml.broken-1").read_text() == "[acme\nhalf an edit"
    assert "profiles.toml.broken-1" in told[-1].remedy


def test_settings_broken_while_they_are_in_use_are_told_and_kept_aside(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.toml")
    store.set("appearance", theme="dark")
    told: list[OpsError] = []
    store.told = told.append
    (tmp_path / "settings.toml").write_text("half [")
    store.set("appearance", utc=True)
    assert (store.current.appearance.theme, store.current.appearance.utc) == ("dark", True)
    assert told[0].remedy.startswith("What was set before stays in force")
    assert (tmp_path / "settings.toml.broken-1").read_text() == "half ["
