"""The window's composition root: the only file that knows services, bridge, shell and pages alike."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLocale, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from core.base.places import Places
from core.desk import Desk
from core.jobs.runner import JobRunner
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore
from gui.bridge.garbage import GarbageCollection
from gui.bridge.job_bridge import JobBridge
from gui.bridge.loading import Modules, load
from gui.bridge.settings_bridge import SettingsBridge
from gui.bridge.tab_context import TabContext, TabSpec
from gui.parts.words import show_times_in_utc
from gui.shell.main_window import MainWindow
from gui.shell.second_factor import CodeAsker
from gui.style.theme import theme

if TYPE_CHECKING:
    from core.aws.health import Identity
    from core.backups.alerts import Alert
    from core.jobs.history import JobHistory


def _page(room: str, title: str, subtitle: str, icon: str, needs: tuple[str, ...], charts: bool = False) -> TabSpec:
    """A page whose modules are imported when it is first asked for."""
    modules = Modules(f"gui.tabs.{room}.tab", needs, charts)

    def build(context: TabContext, parent: QWidget) -> QWidget:
        widget: QWidget = import_module(modules.name).build(context, parent)
        return widget

    def commands() -> tuple[tuple[str, str, str], ...]:
        found: tuple[tuple[str, str, str], ...] = import_module(f"gui.tabs.{room}.commands").MAIN
        return found

    return TabSpec(room, title, subtitle, icon, modules, build, commands)


TABS = (
    _page(
        "digits", "Digits", "Draw, classify, train and compare", "pen-tool",
        ("core.digits.algorithms",),
    ),
    _page(
        "streams", "Streams", "Tap and chart Kinesis streams", "activity",
        ("core.streams.service", "core.streams.filters", "core.streams.policy", "core.streams.templates",
         "core.sandbox.kinesis.faults", "core.warehouse.copying"),
        charts=True,
    ),
    _page(
        "warehouse", "Warehouse", "Ask Redshift, feed it, turn text into tables", "database",
        ("core.warehouse.service", "core.warehouse.advice", "core.warehouse.charts", "core.warehouse.completion", "core.warehouse.copying",
         "core.warehouse.drafts", "core.warehouse.explain", "core.warehouse.formatting", "core.warehouse.left",
         "core.warehouse.script", "core.warehouse.sqlfile", "core.warehouse.views"),
    ),
    _page(
        "backups", "Backups", "Back up, and prove it by restoring", "archive",
        ("core.backups.addresses", "core.backups.objects.browse", "core.backups.objects.address", "core.backups.objects.fate", "core.backups.outcomes",
         "core.backups.plan"),
    ),
    _page(
        "edge", "Edge", "What the proxy says, what the application believes", "shield-check",
        ("core.edge.inspect", "core.edge.balancers", "core.edge.history", "core.edge.probe", "core.edge.request",
         "core.edge.snippets", "core.edge.verdict"),
    ),
)  # fmt: skip
_BACKUP_WATCH = Modules("gui.tabs.backups.watch", ("core.backups.catching_up",))


class Console:
    """Everything that lives as long as the window does."""

    def __init__(self, profile: str | None = None, *, verbose: bool = False) -> None:
        self.places = Places.here().made()
        self._verbose = verbose
        self.store = SettingsStore(self.places.config / "settings.toml")
        self.profiles = Profiles(self.places.config / "profiles.toml")
        self.runner = JobRunner()
        self.history: JobHistory | None = None
        self.jobs = JobBridge(self.runner)
        self.settings = SettingsBridge(self.store, self.jobs)
        look = self.store.current.appearance
        theme().choose(look.theme, reduced_motion=look.reduced_motion)
        show_times_in_utc(look.utc)
        wanted = profile or self.store.current.profile
        name = wanted if profile or wanted in self.profiles.names() else "sandbox"  # it may have been removed since
        self.window = MainWindow(TABS, self.jobs, self.settings, self.open_desk, name, _who_am_i)
        self.codes = CodeAsker(self.window)
        for trouble in filter(None, (self.store.trouble, self.profiles.trouble)):
            self.window.tell(trouble)
        self.settings.unusable.connect(self.window.tell)
        self.store.told = self.profiles.told = self.settings.unusable.emit

    def start(self) -> None:
        """What the first picture need not wait for: journal, history, and asking who we are."""
        from core.base.journal import open_journal
        from core.jobs.history import JobHistory

        open_journal(self.places.state, verbose=self._verbose)
        self.history = JobHistory(self.places.state / "jobs.sqlite")
        self.runner.observe(self.history.heard)
        theme().load_rest()
        self.window.start_health()
        self._watch_backups()

    def _watch_backups(self) -> None:
        """Backups that are due are made while the window stands open, whichever page is shown."""

        def told(alert: Alert) -> None:
            if self.window.memory.get("page") == "backups":
                return  # the page says it itself
            what, _, _ = alert.text.partition("\n\n")  # the rest is for who reads it elsewhere
            self.window.banner.show_text(
                alert.subject, what, tone="success" if alert.good else "danger", details=alert.text
            )

        def loaded(module: Any) -> None:
            self.backup_watch = module.BackupWatch(self.window, lambda: self.window.context, told)

        load(self.window, self.jobs, "Watch the backups", _BACKUP_WATCH, done=loaded)

    def open_desk(self, name: str) -> Desk:
        """Raises WrongUse for an unknown profile."""
        return Desk(self.places, self.store, self.profiles, self.profiles.get(name), partial(self._ask_code, name))

    def _ask_code(self, profile: str, serial: str, note: str) -> str:
        return self.codes.ask(profile, serial, note)  # a worker's thread

    def close(self) -> list[str]:
        """Stop all jobs, leave the sandbox; returns the titles of jobs that would not stop within 5 s."""
        self.codes.close()
        stuck = self.runner.close()
        self.window.desk.close()
        if self.history is not None:
            self.history.close()
        return stuck


def _who_am_i(desk: Desk) -> Identity:
    from core.aws.health import who_am_i

    return who_am_i(desk.aws)


def application() -> QApplication:
    """The one QApplication, with fonts and theme in place."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    made = QApplication(["opsdesk"])
    made.setApplicationName("opsdesk")
    made.setApplicationDisplayName("Opsdesk")
    if QLocale.system().language() == QLocale.Language.C:  # no locale is set: 1,704 reads better than 1704
        QLocale.setDefault(QLocale(QLocale.Language.English))
    GarbageCollection(made)
    theme().start(made, Places.here().cache / "icons")
    return made


def run_window(profile: str | None, *, verbose: bool = False) -> int:
    """Open the window and stay until it is closed. Exit status 2 where there is no display."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        print(
            "There is no display here. `make tour` shows the window offscreen and leaves pictures; the verbs need none.",
            file=sys.stderr,
        )
        return 2
    app = application()
    app.setQuitOnLastWindowClosed(False)
    from core.base.errors import OpsError

    try:
        console = Console(profile, verbose=verbose)
    except OpsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    _catch_everything(console)
    stuck: list[str] = []

    def leave() -> None:
        stuck.extend(console.close())
        app.quit()

    console.window.closed.connect(leave)
    console.window.show()
    QTimer.singleShot(0, console.start)
    app.exec()
    if stuck:
        print(f"These would not stop and were left: {', '.join(stuck)}", file=sys.stderr)
        os._exit(1)  # their threads must not hold the process
    return 0


def _catch_everything(console: Console) -> None:
    """An exception nobody expected goes to the trouble panel; the window stays."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            console.window.close()
        else:
            console.jobs.trouble.emit(error.with_traceback(trace))

    sys.excepthook = hook
    threading.excepthook = lambda args: console.jobs.trouble.emit(args.exc_value or args.exc_type())
