"""Journeys run the real window on a real X server (Xvfb with a window manager), used by mouse and keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

import tests.qt_on_one_thread  # noqa: F401

if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
    del os.environ["QT_QPA_PLATFORM"]  # a journey needs the X server


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A virtual screen of our own, 1600 x 1000."""
    missing = [name for name in ("Xvfb", "openbox", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"journeys need {', '.join(missing)} (`make setup` installs them)")
    read, write = os.pipe()
    # A server that loses its last client starts anew and cuts off whoever connects meanwhile (-noreset: it does not).
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        display = f":{pipe.readline().strip()}"
    environment = {**os.environ, "DISPLAY": display}
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    os.environ["DISPLAY"] = display
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    until = time.monotonic() + 60  # what is shown before somebody manages windows gets no keys
    while subprocess.run(["xdotool", "get_num_desktops"], env=environment, capture_output=True).returncode != 0:
        assert manager.poll() is None and time.monotonic() < until, "openbox does not start"
        time.sleep(0.02)
    yield display
    for process in (manager, server):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)


@pytest.fixture(scope="session")
def qapp_cls() -> type:
    from PySide6.QtWidgets import QApplication

    return QApplication


@pytest.fixture(scope="session")
def qapp(display: str):
    """Instead of pytest-qt's: the product's own QApplication, on the virtual screen."""
    from gui.app import application

    return application()
