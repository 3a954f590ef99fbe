"""Decides where statements go: the connections of the profile, the database, and the catalogue the tree shows."""

from __future__ import annotations

import enum
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.advice import advice
from core.warehouse.catalogue import Catalogue, Table
from core.warehouse.service import WarehouseService
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.dialogs import TableDialog, TextDialog
from gui.tabs.warehouse.view import WarehouseView

_LOOK_AGAIN = 5_000
_LOOKS = 60
"""ms, and how often: a sandbox that makes its demo data is looked at again until they are there, five minutes at most."""


class Phase(enum.Enum):
    """Of the page; whether a statement runs is each file's own matter."""

    OPENING = "opening"
    UNREACHABLE = "unreachable"
    READY = "ready"


class ConnectionPresenter(QObject):
    changed = Signal()
    """phase, connection or database"""
    catalogue_changed = Signal(object)  # Catalogue | None

    def __init__(self, view: WarehouseView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context, self._jobs = view, context, context.jobs
        self.phase = Phase.OPENING
        self.connections: list[WarehouseConnection] = []
        self.connection: WarehouseConnection | None = None
        self.database = ""
        self.catalogue: Catalogue | None = None
        self._looks_left = _LOOKS
        self._look_again = QTimer(self, singleShot=True, interval=_LOOK_AGAIN)
        self._look_again.timeout.connect(self.read_catalogue)
        view.connection_chosen.connect(self.choose_connection)
        view.database_chosen.connect(self.choose_database)
        view.differences_asked.connect(self.show_differences)
        view.retry_asked.connect(self.connect_warehouse)
        view.tree.refresh_asked.connect(self.read_catalogue)
        view.tree.describe_asked.connect(self.describe)

    @property
    def _service(self) -> WarehouseService:
        return self._context.desk.warehouse

    @property
    def ready(self) -> bool:
        """Whether a statement could be sent: connected, or worth a try after trouble."""
        return self.connection is not None and self.phase is not Phase.OPENING

    def named(self, name: str) -> WarehouseConnection | None:
        """The connection of that name; the one in use for no name."""
        return next((one for one in self.connections if one.name == name), None) if name else self.connection

    @property
    def escapes(self) -> bool:
        """Whether a backslash escapes in the strings of this warehouse."""
        return self._service.dialect(self.connection)[1] if self.connection else True

    def connect_warehouse(self) -> None:
        """Find the warehouses of the profile, and open the one used last."""
        self.phase = Phase.OPENING
        self._view.banner.hide()
        self._view.tree.show_busy()
        self.changed.emit()
        self._jobs.start(
            self, "Find the warehouses", self._service.connections, room="warehouse", quiet=True,
            on_success=self._found, on_failure=self._unreachable,
        )  # fmt: skip

    def _found(self, connections: list[WarehouseConnection]) -> None:
        self.connections = connections
        if not connections:
            self._view.tree.show_nothing("This profile has no warehouse", "Add a connection in profiles.toml")
            self._unreachable(
                OpsError(
                    "This profile has no warehouse",
                    "It names none, and the account shows no cluster and no workgroup",
                    "Add a connection to the profile",
                    code="settings",
                )
            )
            return
        last = self._context.memory.get("warehouse.connection", "")
        names = [connection.name for connection in connections]
        self._use(connections[names.index(last) if last in names else 0])

    def _use(self, connection: WarehouseConnection, database: str = "") -> None:
        self.connection = connection
        self.database = database or self._context.memory.get(
            f"warehouse.database.{connection.name}", connection.database
        )
        self._context.memory.put("warehouse.connection", connection.name)
        self._view.show_connections(self.connections, connection.name)
        self._view.show_databases([self.database], self.database)
        self._view.show_badge(connection.note)
        self.phase = Phase.READY
        self.changed.emit()
        self._show_catalogue(None)
        self._jobs.start(
            self, "Open the catalogue", lambda _job: self._service.stored_catalogue(connection, self.database),
            quiet=True, lane="warehouse:catalogue", on_success=self._stored_catalogue,
        )  # fmt: skip
        self._jobs.start(
            self, "List the databases", lambda job: self._service.databases(job, connection), quiet=True,
            on_success=lambda names: self._databases(connection, names), on_failure=self._unreachable,
        )  # fmt: skip
        self.read_catalogue()

    def _databases(self, connection: WarehouseConnection, names: list[str]) -> None:
        if connection is self.connection:
            self._view.show_databases(names, self.database)

    def choose_connection(self, name: str) -> None:
        chosen = next((connection for connection in self.connections if connection.name == name), None)
        if chosen is not None and chosen is not self.connection:
            self._use(chosen)

    def choose_database(self, name: str) -> None:
        if self.connection is not None and name != self.database:
            self._context.memory.put(f"warehouse.database.{self.connection.name}", name)
            self._use(self.connection, name)

    def _unreachable(self, fault: OpsError) -> None:
        self.phase = Phase.UNREACHABLE
        name = self.connection.name if self.connection is not None else ""
        title = f"The warehouse {name} cannot be read" if name else fault.title
        self._view.show_fault(title, fault.why, fault.remedy, fault.details)
        if self.catalogue is None:
            self._view.tree.show_nothing("The catalogue cannot be read", "See the notice above")
        self.changed.emit()

    def show_differences(self) -> None:
        if self.connection is not None:
            intro = "Statements run on an engine of this computer that speaks Redshift's SQL. These may differ from a real cluster:"
            TextDialog(self.connection.note, self.connection.differences, self._view, intro=intro).open()

    def read_catalogue(self) -> None:
        """Read the catalogue from the server; the tree keeps what it shows until then."""
        connection, database = self.connection, self.database
        if connection is None:
            self.connect_warehouse()
            return
        if self.catalogue is None:
            self._view.tree.show_busy()
        desk = self._context.desk

        def work(job: Job[Any]) -> tuple[Catalogue, bool]:
            early = desk.preparing
            return self._service.catalogue(job, connection, database), early

        self._jobs.start(
            self, "Read the catalogue", work, quiet=True, lane="warehouse:catalogue", newest_only=True,
            on_success=lambda found: self._read(*found), on_failure=self._unreachable,
        )  # fmt: skip

    def _stored_catalogue(self, catalogue: Catalogue | None) -> None:
        if catalogue is not None and self.catalogue is None and self._is_here(catalogue):
            self._show_catalogue(catalogue)

    def _read(self, catalogue: Catalogue, early: bool) -> None:
        """early: the demo data of the sandbox were still being made."""
        if not self._is_here(catalogue):
            return
        if self.phase is Phase.UNREACHABLE:
            self.phase = Phase.READY
            self._view.banner.hide()
            self.changed.emit()
        self._show_catalogue(catalogue)
        if early and self._looks_left > 0:
            self._looks_left -= 1
            self._look_again.start()

    def _is_here(self, catalogue: Catalogue) -> bool:
        here = self.connection.name if self.connection else ""
        return (catalogue.connection, catalogue.database) == (here, self.database)

    def _show_catalogue(self, catalogue: Catalogue | None) -> None:
        self.catalogue = catalogue
        self.catalogue_changed.emit(catalogue)
        if catalogue is not None:
            self._view.tree.show_catalogue(catalogue)
        else:
            self._view.tree.show_busy()

    def describe(self, table: Table) -> None:
        others = self.catalogue.tables if self.catalogue else ()
        TableDialog(table, advice(table, others), self._view).open()
