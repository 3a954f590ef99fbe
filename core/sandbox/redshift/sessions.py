"""Data API sessions: one engine session kept between statements, with its temporary tables and settings."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.sandbox.redshift.faults import ApiFault, invalid
from core.sandbox.redshift.opening import Opening

if TYPE_CHECKING:
    from core.sandbox.redshift.engine.session import EngineSession


@dataclass(slots=True)
class ApiSession:
    id: str
    place: dict[str, str]
    keep_alive: int
    engine: EngineSession
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    statement_id: str = ""
    closed: bool = False

    @property
    def status(self) -> str:
        return "CLOSED" if self.closed else "BUSY" if self.statement_id else "AVAILABLE"

    @property
    def ends(self) -> float:
        return self.updated + self.keep_alive


class Sessions:
    """Open and closed sessions; an idle one closes ``keep_alive`` seconds after its last statement."""

    def __init__(self, warehouse: Opening, most: int) -> None:
        self._warehouse, self._most = warehouse, most
        self._lock = threading.Lock()
        self._sessions: dict[str, ApiSession] = {}

    def open(self, place: dict[str, str], keep_alive: int, statement_id: str) -> ApiSession:
        """A new session, busy with ``statement_id``."""
        self.expire()
        with self._lock:
            if sum(not one.closed for one in self._sessions.values()) >= self._most:
                raise ApiFault("ActiveSessionsExceededException", f"There are already {self._most} active sessions")
            engine = self._warehouse.session(place.get("Database", ""), place.get("DbUser", ""))
            session = ApiSession(str(uuid.uuid4()), place, keep_alive, engine, statement_id=statement_id)
            self._sessions[session.id] = session
            return session

    def take(self, identity: str, statement_id: str, keep_alive: int | None) -> ApiSession:
        """The open session ``identity``, made busy; a new keep-alive replaces the old one."""
        self.expire()
        with self._lock:
            session = self._sessions.get(identity)
            if session is None or session.closed:
                raise invalid(f"Session is not available: {identity} does not exist or is closed")
            if session.statement_id:
                raise invalid(f"Session is not available: {identity} is running statement {session.statement_id}")
            session.statement_id, session.updated = statement_id, time.time()
            if keep_alive is not None:
                session.keep_alive = keep_alive
            return session

    def give_back(self, session: ApiSession) -> None:
        with self._lock:
            session.statement_id, session.updated = "", time.time()
        if session.keep_alive == 0:
            self._end(session)

    def expire(self) -> None:
        """Close what idled past its keep-alive; forget what closed a day ago."""
        now = time.time()
        for session in self.all():
            if not session.closed and not session.statement_id and session.ends < now:
                self._end(session)
            elif session.closed and session.updated < now - 24 * 3600:
                with self._lock:
                    self._sessions.pop(session.id, None)

    def all(self) -> list[ApiSession]:
        with self._lock:
            return list(self._sessions.values())

    def close(self) -> None:
        for session in self.all():
            self._end(session)

    def _end(self, session: ApiSession) -> None:
        with self._lock:
            if session.closed:
                return
            session.closed, session.updated = True, time.time()
        session.engine.close()
