"""What the set-up makes, and what it does on a Mac, which none of our machines is: with stand-ins for ``uname`` and Homebrew."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("bash", "cat", "cksum", "dirname", "ln", "tr")

# Installs what the real one would: a program on the PATH. It cannot install what BROKEN names.
HOMEBREW = """#!/usr/bin/env bash
echo "$*" >> "$LOG"
if [ "${!#}" = "${BROKEN:-}" ]; then echo "Error: no bottle" >&2; exit 1; fi
case "${!#}" in
python) ln -s "$REAL_PYTHON" "$BIN/python3" ;;
mariadb) ln -s "$BIN/cat" "$BIN/mariadbd" ;;
esac
"""


class Mac:
    """A folder with a copy of the set-up, and a PATH on which only the given programs are."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "brew.log"
        for name in NEEDED:
            found = shutil.which(name)
            assert found
            (self.bin / name).symlink_to(found)
        self.program("uname", "#!/usr/bin/env bash\necho Darwin\n")
        (folder / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "setup", folder / ".ci")
        shutil.copy(ROOT / "requirements.lock", folder)
        (folder / ".venv").symlink_to(folder)  # a linked environment is left as it is: no packages are installed here
        self.folder = folder

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def set_up(self, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.bin),
            "BIN": str(self.bin),
            "LOG": str(self.log),
            "REAL_PYTHON": sys.executable,
            **extra,
        }
        # Through the PATH, as the system's own bash could be any.
        return subprocess.run(
            [str(self.bin / "bash"), ".ci/setup"], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    @property
    def installed(self) -> list[str]:
        return self.log.read_text().split("\n")[:-1] if self.log.exists() else []


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path)


def test_homebrew_brings_what_is_missing_once(mac: Mac) -> None:
    mac.program("brew", HOMEBREW)
    first = mac.set_up()
    assert first.returncode == 0, first.stderr
    assert mac.installed == ["install --quiet python", "install --quiet mariadb"]
    second = mac.set_up()
    assert (second.returncode, second.stderr) == (0, "")
    assert len(mac.installed) == 2


def test_the_python_of_the_system_is_too_old(mac: Mac) -> None:
    mac.program("brew", HOMEBREW)
    mac.program("mariadbd", "#!/usr/bin/env bash\n")
    mac.program("python3", "#!/usr/bin/env bash\nexit 1\n")  # Apple's 3.9 answers the question for 3.11 so
    (mac.bin / "python3.14").symlink_to(sys.executable)
    assert mac.set_up().returncode == 0
    assert mac.installed == []


def test_without_homebrew_it_says_what_to_install(mac: Mac) -> None:
    (mac.bin / "python3").symlink_to(sys.executable)
    answer = mac.set_up()
    assert answer.returncode == 0
    assert "brew install mariadb" in answer.stderr
    assert "go on with what works" in answer.stderr


def test_what_homebrew_cannot_install_is_named(mac: Mac) -> None:
    mac.program("brew", HOMEBREW)
    without_mariadb = mac.set_up(BROKEN="mariadb")
    assert without_mariadb.returncode == 0
    assert "could not install mariadb" in without_mariadb.stderr
    (mac.bin / "python3").unlink()
    without_python = mac.set_up(BROKEN="python")
    assert without_python.returncode == 1
    assert "Python 3.11 or newer" in without_python.stderr


def test_the_command_line_works_from_any_folder(tmp_path: Path) -> None:
    command = [str(ROOT / ".venv" / "bin" / "opsdesk"), "--home", str(tmp_path / "home"), "profiles", "list"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "sandbox" in answer.stdout


def test_the_systems_own_python_is_told_what_it_lacks() -> None:
    outside = Path(sys.executable).resolve()
    answer = subprocess.run(
        [outside, "-S", "main.py", "profiles", "list"], cwd=ROOT, env={}, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("This Python has no ") and "make run" in answer.stderr
