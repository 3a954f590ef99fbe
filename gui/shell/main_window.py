"""The window: rail, header, pages, drawer and status bar, held together; it names no page itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QMainWindow, QStackedWidget, QWidget

from core.base.errors import OpsError
from core.desk import Desk
from gui.bridge.commands import Commands
from gui.bridge.guard import Guard
from gui.bridge.job_bridge import JobBridge
from gui.bridge.loading import load
from gui.bridge.memory import Memory
from gui.bridge.sandbox_watch import SandboxWatch
from gui.bridge.settings_bridge import SettingsBridge
from gui.bridge.tab_context import TabContext, TabSpec
from gui.parts.focus import enter, tab_as_read
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Busy
from gui.parts.words import restyle, show_times_in_utc
from gui.shell.geometry import keep_geometry, restore_geometry
from gui.shell.header import Header
from gui.shell.health import Health
from gui.shell.profiles import ProfileKeeper
from gui.shell.rail import Rail
from gui.shell.sandbox_words import sandbox_words
from gui.shell.status_bar import StatusBar
from gui.shell.toast import Toast
from gui.style.theme import theme

if TYPE_CHECKING:  # the window is painted before any of these is needed
    from core.aws.health import Identity
    from gui.shell.drawer import Drawer
    from gui.shell.palette import Palette
    from gui.shell.settings_dialog import SettingsDialog
    from gui.shell.trouble import TroublePanel


_TRY_AGAIN = "Try again"


class MainWindow(QMainWindow):
    """Pages are built when first shown and thrown away when the profile changes.

    ``open_desk`` makes the desk of a profile by name; it touches nothing slow.
    """

    closed = Signal()

    def __init__(
        self,
        tabs: Sequence[TabSpec],
        jobs: JobBridge,
        settings: SettingsBridge,
        open_desk: Callable[[str], Desk],
        first_profile: str,
        check_health: Callable[[Desk], Identity],
    ) -> None:
        super().__init__()
        self.setWindowTitle("Opsdesk")
        self._tabs = {tab.id: tab for tab in tabs}
        self._sandbox = SandboxWatch(self)
        self._jobs, self._settings, self._open_desk = jobs, settings, open_desk
        self.health = Health(jobs, check_health, self)
        self.profiles = ProfileKeeper(jobs, lambda: self.desk, self.health.ask, self)
        self.commands = Commands(self)
        self.rail, self.header, self.status = Rail(tabs), Header(), StatusBar()
        self.banner = Banner("danger")
        self.stack = QStackedWidget()
        self._opening = Busy()
        self.stack.addWidget(self._opening)
        self._wanted, self._in_rail = "", False
        self.strip = QFrame()
        self.strip.setObjectName("strip")
        self.strip.setFixedHeight(3)
        root = QWidget()
        root.setObjectName("root")
        middle = column(self.header, self.banner, self.stack, gap=0)
        middle.setStretch(2, 1)
        self._across = across = row(self.rail, middle, gap=0)
        across.setStretch(1, 1)
        root.setLayout(column(self.strip, across, self.status, gap=0))
        root.layout().setStretch(1, 1)  # type: ignore[union-attr]
        self.setCentralWidget(root)
        self.setMinimumSize(960, 640)
        self.resize(1440, 900)
        self.toast = Toast(self)
        self.settings_dialog: SettingsDialog | None = None
        self.trouble: TroublePanel | None = None
        self._wire()
        self._open(first_profile)
        if settings.current.appearance.drawer_open:
            self.toggle_drawer()

    # -- set-up -------------------------------------------------------------
    def _wire(self) -> None:
        self.rail.page_asked.connect(self.go)
        self.rail.page_passed.connect(partial(self.go, in_rail=True))
        self.rail.profiles_asked.connect(self._offer_profiles)
        self.profiles.chosen.connect(self.change_profile)
        self.profiles.failed.connect(self.tell)
        self.rail.settings_asked.connect(self.open_settings)
        self.rail.help_asked.connect(self._help)
        self.header.search_asked.connect(self._open_palette)
        self.header.theme_asked.connect(self._switch_theme)
        self.header.drawer_asked.connect(self.toggle_drawer)
        self.header.guard_asked.connect(self._switch_guard)
        self.status.activity_asked.connect(self._show_drawer)
        self.status.trouble_asked.connect(self._show_fault)
        self.health.asking.connect(self.status.show_connecting)
        self.health.answered.connect(self._healthy)
        self.health.failed.connect(self._unhealthy)
        self.banner.action_asked.connect(self.health.ask)
        self._jobs.activity_changed.connect(self._count_jobs)
        self._sandbox.changed.connect(lambda news: self.status.show_sandbox(*sandbox_words(news)))
        self._jobs.trouble.connect(self.show_trouble)
        self._settings.changed.connect(self._follow_settings)
        self._settings.refused.connect(self.tell)
        add = self.commands.add
        for index, tab in enumerate(self._tabs.values()):
            keys = f"Ctrl+{index + 1}"
            add(f"go.{tab.id}", f"Go to {tab.title}", partial(self.go, tab.id), icon=tab.icon, shortcut=keys)
        add("palette", "Search or run a command", self._open_palette, icon="search", shortcut="Ctrl+K")
        add("part", "Go on to the next part of the window", self._next_part, icon="chevron-right", shortcut="F6")
        add("drawer", "Show or hide the activity drawer", self.toggle_drawer, icon="panel-right", shortcut="Ctrl+J")
        add("theme", "Switch between light and dark", self._switch_theme, icon="moon")
        add("settings", "Settings", self.open_settings, icon="settings", shortcut="Ctrl+,")
        add("profile", "Change the profile", self._offer_profiles, icon="user")
        self.profiles.add_commands(self.commands)
        add("help", "Help", self._help, icon="circle-help", shortcut="F1")
        add("quit", "Quit", self.close, icon="log-in", shortcut="Ctrl+Q")

    def _open(self, profile_name: str) -> None:
        """Open a profile: a new desk, a new guard, and pages built anew."""
        self.desk = self._open_desk(profile_name)
        self._sandbox.follow(self.desk)
        self.health.follow(self.desk)
        profile = self.desk.profile
        self.guard = Guard(profile, self)
        self.guard.changed.connect(lambda: self.header.guard.show_guard(self.guard))
        self.header.guard.show_guard(self.guard)
        self.memory = Memory(self.desk.places.state / f"window-{profile.name}.json")
        self._show_profile(profile.region)
        self.strip.setProperty("environment", profile.environment)
        restyle(self.strip)
        self.context = TabContext(
            self.desk, self._jobs, self._settings, self.commands, self.guard, self.memory, self.toast.praise, self.go
        )
        self._pages: dict[str, QWidget] = {}
        restore_geometry(self, self.memory)
        first = self.memory.get("page", next(iter(self._tabs)))
        self.go(first if first in self._tabs else next(iter(self._tabs)))

    def _show_profile(self, region: str) -> None:
        """On the rail's card. region: "" while only the AWS configuration may know it."""
        profile = self.desk.profile
        sandbox = profile.kind == "sandbox"
        account = "no AWS account used" if sandbox else region or "default region"
        self.rail.profile.show_profile("local sandbox" if sandbox else profile.name, profile.environment, account)

    # -- pages --------------------------------------------------------------
    def go(self, page_id: str, *, in_rail: bool = False) -> None:
        """Show a page, a busy sign while it is loaded the first time. Keys go with it, unless they walk the rail."""
        tab = self._tabs[page_id]
        self._wanted, self._in_rail = page_id, in_rail
        self.header.show_page(tab.title, tab.subtitle)
        self.rail.show_page(page_id)
        self.commands.show_room(page_id)
        self.memory.put("page", page_id)
        if page_id in self._pages or tab.modules.loaded:
            self._show(self.page(page_id))
            return
        self._opening.show_text(f"Opening {tab.title}")
        self.stack.setCurrentWidget(self._opening)
        QTimer.singleShot(0, self, partial(self._load_page, page_id))  # after the window's first picture

    def _load_page(self, page_id: str) -> None:
        tab = self._tabs[page_id]
        load(
            self,
            self._jobs,
            f"Open {tab.title}",
            tab.modules,
            done=lambda _: self._loaded(page_id),
            failed=lambda fault: self._opening.show_text(str(fault)),
        )

    def _loaded(self, page_id: str) -> None:
        if page_id == self._wanted:
            self._show(self.page(page_id))

    def _show(self, page: QWidget) -> None:
        """Keys that were in the page before, or nowhere, or in the rail where Qt begins, go to where they last were in
        this one."""
        focus = QApplication.focusWidget()
        left = (self.stack,) if self._in_rail else (self.stack, self.rail)
        follow = focus is None or focus is self or any(part.isAncestorOf(focus) for part in left)
        anew = page.focusWidget() is None
        self.stack.setCurrentWidget(page)  # Qt gives keys that were in the page before to the first thing in this one
        if follow:
            enter(page, Qt.FocusReason.OtherFocusReason, anew=anew)

    def focusNextPrevChild(self, forwards: bool) -> bool:
        tab_as_read(self._pages.get(self._wanted, self._opening))  # parts of it may have come since
        return super().focusNextPrevChild(forwards)

    def page(self, page_id: str) -> QWidget:
        """The page, built now if it was not yet."""
        if page_id not in self._pages:
            self._pages[page_id] = self._tabs[page_id].build(self.context, self.stack)
            self.stack.addWidget(self._pages[page_id])
            if self._wanted == page_id:
                self._show(self._pages[page_id])
        return self._pages[page_id]

    def _load_the_rest(self) -> None:
        """Once the window stands, load what the user has not asked for yet, one page after the other."""
        for tab in self._tabs.values():
            load(self, self._jobs, f"Load {tab.title}", tab.modules, lane="pages")

    def _offer_profiles(self) -> None:
        self.profiles.offer(self.rail.profile.mapToGlobal(self.rail.profile.rect().bottomLeft()))

    def change_profile(self, name: str) -> None:
        """Work under another profile, or the open one as it is now; running writes are asked about first."""
        if self.desk.profiles.get(name) == self.desk.profile:
            return
        self._unless_writing("Change the profile?", "Change the profile and stop them", lambda: self._change(name))

    def _change(self, name: str) -> None:
        self._remember()
        for page_widget in self._pages.values():
            self.stack.removeWidget(page_widget)
            page_widget.deleteLater()
        old = self.desk
        self._jobs.start(self, "Close the profile", lambda _job: old.close(), quiet=True)
        self._settings.choose_profile(name)
        self._hide_fault()
        self._open(name)
        self.health.ask()

    # -- health -------------------------------------------------------------
    def start_health(self) -> None:
        """Ask who we are now, and every minute from now on."""
        self.health.ask()
        self._load_the_rest()

    def _healthy(self, identity: Identity) -> None:
        self._hide_fault()
        self.status.show_identity(identity)
        self._show_profile(identity.region)

    def _unhealthy(self, fault: OpsError) -> None:
        self.status.show_fault(fault)  # each page says it next to what it could not do: no third voice above them
        if self._banner_tells_fault:
            self._show_fault()

    @property
    def _banner_tells_fault(self) -> bool:
        """Whether the banner says why nobody answers (asked for by "Why?"), and not something else."""
        return not self.banner.isHidden() and self.banner.action.text() == _TRY_AGAIN

    def _show_fault(self) -> None:
        fault = self.health.fault
        if fault is not None:
            self.banner.show_fault(fault.title, fault.why, fault.remedy, action=_TRY_AGAIN, details=fault.details)

    def _hide_fault(self) -> None:
        if self._banner_tells_fault:
            self.banner.hide()

    # -- the rest of the frame ------------------------------------------------
    def _show_drawer(self) -> None:
        if not self.drawer.isVisible():
            self.toggle_drawer()

    @cached_property
    def drawer(self) -> Drawer:
        """Built when it is first asked for: the first picture of the window need not wait for it."""
        from gui.shell.drawer import Drawer

        made = Drawer(self._jobs, self._across, self)
        made.hide()
        made.close_asked.connect(self.toggle_drawer)
        return made

    @cached_property
    def palette_box(self) -> Palette:
        from gui.shell.palette import Palette

        for tab in self._tabs.values():
            for command_id, title, icon_name in tab.commands():
                self.commands.promise(command_id, title, room=tab.id, icon=icon_name)
        return Palette(self.commands, {tab.id: tab.title for tab in self._tabs.values()}, self.go, self)

    def _open_palette(self) -> None:
        self.palette_box.open()

    def _next_part(self) -> None:
        """Page (or its panes), drawer, rail, and round again."""
        page = self._pages.get(self._wanted, self._opening)
        panes = getattr(page, "panes", None)
        parts: list[tuple[QWidget, Callable[[], None]]] = panes() if panes else [(page, partial(enter, page))]
        others = [self.drawer, self.rail] if "drawer" in self.__dict__ and self.drawer.isVisible() else [self.rail]
        parts += [(part, partial(enter, part)) for part in others]
        focus = QApplication.focusWidget()
        inside = [focus is not None and (part is focus or part.isAncestorOf(focus)) for part, _ in parts]
        parts[(inside.index(True) + 1) % len(parts) if True in inside else 0][1]()

    def toggle_drawer(self) -> None:
        shown = not self.drawer.isVisibleTo(self)
        focus = QApplication.focusWidget()
        if not shown and focus is not None and self.drawer.isAncestorOf(focus):
            enter(self._pages.get(self._wanted, self._opening))
        self.drawer.setVisible(shown)
        self.header.drawer.setChecked(shown)

    def open_settings(self) -> None:
        from gui.shell.settings_dialog import SettingsDialog

        if self.settings_dialog is None:
            self.settings_dialog = SettingsDialog(self._settings, self)
        self.settings_dialog.show()
        self.settings_dialog.raise_()

    def show_trouble(self, error: BaseException) -> None:
        from gui.shell.trouble import TroublePanel

        if self.trouble is None:
            self.trouble = TroublePanel(str(self.desk.places.state / "opsdesk.log"), self)
        self.trouble.show_error(error)

    def _switch_theme(self) -> None:
        self._settings.set("appearance", theme="light" if theme().dark else "dark")

    def _switch_guard(self) -> None:
        if not self.guard.profile.guarded:
            return
        if not self.guard.locked:
            self.guard.lock()
            return
        from gui.shell.unlocking import ask_to_unlock

        ask_to_unlock(self, self.guard)

    def tell(self, fault: OpsError) -> None:
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _follow_settings(self) -> None:
        look = self._settings.current.appearance
        theme().choose(look.theme, reduced_motion=look.reduced_motion)
        show_times_in_utc(look.utc)

    def _count_jobs(self) -> None:
        states = [activity.job.state.value for activity in self._jobs.activities]
        self.status.show_jobs(states.count("running") + states.count("queued"), states.count("failed"))

    def _help(self) -> None:
        from gui.shell.help import HelpDialog

        dialog = HelpDialog(self.commands, {tab.id: tab.title for tab in self._tabs.values()}, self)
        dialog.open()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.header.subtitle.setVisible(self.width() >= 1200)
        if "palette_box" in self.__dict__ and self.palette_box.isVisible():
            self.palette_box.open()

    # -- remembering and leaving ----------------------------------------------
    def _remember(self) -> None:
        keep_geometry(self, self.memory)
        self.memory.save()

    def _unless_writing(self, title: str, verb: str, go_on: Callable[[], None]) -> None:
        writing = [job.title for job in self._jobs.running() if job.write]
        if not writing:
            go_on()
            return
        from gui.shell.stopping import ask_to_stop

        ask_to_stop(self, writing, title, verb, go_on, environment=self.desk.profile.environment)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self._unless_writing("Close Opsdesk?", "Stop them and close", self._leave)

    def _leave(self) -> None:
        self._remember()
        self.health.stop()
        self.hide()
        self.closed.emit()
