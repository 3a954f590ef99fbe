"""The scratch server's data folder, made once for a computer and its version of MariaDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.backups.scratch import ScratchServer, ServerPrograms, find_programs
from core.base.errors import OpsError
from core.jobs.job import headless_job
from tests.core.clearing import others_start


def test_prepared_while_other_servers_start_on_a_disk_with_a_blank_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with others_start(tmp_path / "My Disk", monkeypatch):
        server = ScratchServer(headless_job(), find_programs(), tmp_path, cap=1 << 30)
        with server:
            assert (server.folder / "s").is_socket()
    assert not server.folder.exists()


def test_what_the_installer_says_is_told_without_its_advice(tmp_path: Path) -> None:
    installer = tmp_path / "install"
    installer.write_text(
        "#!/bin/sh\n"
        "echo 'ERROR: 1017  Cannot find file a.MAI'\n"
        "echo '2026-11-29 16:33:31 0 [ERROR] Aborting'\n"
        "echo 'Installation of system tables failed!  Examine the logs'\n"
        "exit 1\n"
    )
    installer.chmod(0o755)
    programs = ServerPrograms("/bin/false", str(installer), "/bin/false")
    with pytest.raises(OpsError) as refused, ScratchServer(headless_job(), programs, tmp_path, cap=1 << 30):
        pass
    assert refused.value.why == "ERROR: 1017  Cannot find file a.MAI"


def test_two_rehearsals_make_it_at_once(tmp_path: Path) -> None:
    """The one that comes second takes the first one's."""
    server = ScratchServer(headless_job(), ServerPrograms("", "", ""), tmp_path, cap=1 << 30)
    first, second, template = tmp_path / "first", tmp_path / "second", tmp_path / "kept" / "mariadb"
    for made in (first, second):
        made.mkdir()
        (made / "ibdata1").write_text(made.name)
        server._keep(made, template)
    assert (template / "ibdata1").read_text() == "first"
    assert [path.name for path in template.parent.iterdir()] == ["mariadb"]
    server.folder.rmdir()
