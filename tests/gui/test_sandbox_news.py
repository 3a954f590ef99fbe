"""What the window says about the sandbox: the worst first, from any thread, of the followed desk only."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from core.sandbox.status import SandboxStatus, SeedStatus, ServiceStatus
from gui.bridge.sandbox_watch import SandboxWatch
from gui.shell.sandbox_words import sandbox_words
from gui.shell.status_bar import StatusBar

RUNNING = ServiceStatus("kinesis", "running", port=21_000, pid=1)
FINE = SandboxStatus(True, "/data", services=(RUNNING,), seed=SeedStatus("done", 6, 6))
CRASHED = replace(RUNNING, restarts=2, last_exit="signal 9 (SIGKILL)")


class Desk:
    """A desk as far as the watch goes."""

    def watch_sandbox(self, watcher):
        self.say = watcher


@pytest.mark.parametrize(
    ("status", "words", "tone"),
    [
        (None, "", ""),
        (FINE, "", ""),
        (replace(FINE, running=False), "Sandbox stopped", "danger"),
        (replace(FINE, stopping=True), "Sandbox stopped", "danger"),
        (replace(FINE, services=(replace(CRASHED, state="restarting"),)), "Kinesis: restarting", "danger"),
        (replace(FINE, services=(CRASHED,)), "Restarted: Kinesis 2×", "muted"),
        (replace(FINE, services=(RUNNING, ServiceStatus("mysql", "missing"))), "Sandbox without MySQL", "warning"),
        (replace(FINE, seed=SeedStatus("running", 2, 6, "shop")), "Demo data: 2 of 6", "muted"),
        (replace(FINE, seed=SeedStatus("failed", 2, 6, "disk")), "Demo data are not complete", "warning"),
    ],
)
def test_words(qapp, status: SandboxStatus | None, words: str, tone: str) -> None:
    assert sandbox_words(status)[:2] == (words, tone)
    bar = StatusBar()
    bar.show_sandbox(*sandbox_words(status))
    assert bar.sandbox.text() == words


def test_news_arrive_on_the_gui_thread_and_only_of_the_open_desk(qtbot) -> None:
    watch, first, second = SandboxWatch(), Desk(), Desk()
    got: list[tuple[object, bool]] = []
    watch.changed.connect(lambda news: got.append((news, threading.current_thread() is threading.main_thread())))
    watch.follow(first)
    watch.follow(second)
    for desk, status in ((first, replace(FINE, users=1)), (second, FINE)):
        thread = threading.Thread(target=desk.say, args=(status,))
        thread.start()
        thread.join()
    qtbot.waitUntil(lambda: len(got) == 3)
    assert got == [(None, True), (None, True), (FINE, True)]
