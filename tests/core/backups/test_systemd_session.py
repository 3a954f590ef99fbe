"""A timer of ours under a real systemd session of a user, in a corner of its own where this system allows one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.backups import scheduling
from core.backups.outcomes import Outcome
from tests.core.backups.conftest import Station

ROOT = Path(__file__).resolve().parents[3]
# systemd asks for a booted system and a control group that it may divide: both are made up for this shell only.
SESSION = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR" && chmod 700 "$XDG_RUNTIME_DIR" || exit 77
for base in /sys/fs/cgroup/systemd /sys/fs/cgroup; do
  group=$base/opsdesk-test-$$
  if mkdir "$group" 2>/dev/null && echo $$ > "$group/cgroup.procs" 2>/dev/null; then break; fi
done
"$1" --user 2>/dev/null &
manager=$!
for _ in $(seq 50); do systemctl --user show-environment >/dev/null 2>&1 && break; sleep 0.2; done
systemctl --user show-environment >/dev/null 2>&1 || { kill $manager; exit 77; }
opsdesk() { "$2" main.py --profile stand "${@:3}"; }
opsdesk "$@" backup schedule nightly --install systemd
systemctl --user list-timers --no-pager | grep nightly
systemctl --user start opsdesk-backup-stand-nightly.service
systemctl --user show opsdesk-backup-stand-nightly.service -p Result -p ExecMainStatus
opsdesk "$@" backup schedule nightly --remove systemd
systemctl --user list-timers --no-pager | grep -c nightly
kill $manager
wait $manager
"""


@pytest.mark.heavy
def test_a_real_session_runs_the_timer(stand: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = next((path for path in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd") if Path(path).exists()), "")
    if not program or not shutil.which("unshare") or os.geteuid() != 0:
        pytest.skip("a session of our own needs systemd, unshare and root")
    scheduling.secrets_file().write_text(
        f"AWS_ACCESS_KEY_ID={stand.target.access_key}\nAWS_SECRET_ACCESS_KEY={stand.target.secret_key}\n"
        f"OPSDESK_SECRET_MYSQL_STAND_SHOP={stand.target.mysql[0].password}\n"
    )
    scheduling.secrets_file().chmod(0o600)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", SESSION, "session", program, sys.executable],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_RUNTIME_DIR": "/run/user/opsdesk-test",
            "OPSDESK_HOME": os.environ["OPSDESK_HOME"],
        },
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this system gives us no systemd session")
    said = done.stdout + done.stderr
    assert "nightly is run by systemd" in said and "opsdesk-backup-stand-nightly.timer" in said, said
    assert "Result=success" in said and "ExecMainStatus=0" in said, said
    assert "nightly is no longer run by systemd" in said and said.rstrip().splitlines()[-1] == "0", said
    assert [run.outcome for run in stand.service.runs("nightly")] == [Outcome.DONE]
    assert [item.outcome for item in stand.service.verifications("nightly")] == [Outcome.DONE]
