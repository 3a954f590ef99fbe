"""Does an assertion hold? One statement, one value, compared; on a restored copy or, while editing, on the source."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from core.backups.outcomes import Check
from core.backups.plan import Assertion
from core.backups.server import identifier, message_of

LEVEL = 5


_AHEAD = timedelta(hours=24)
"""So far a time may be ahead of the backup: one without a zone is some place's own, at most 14 hours before UTC."""


def check_assertion(connection: Any, assertion: Assertion, database: str, taken: datetime) -> Check:
    """Run it inside a read-only transaction on ``database``; the engine's own message where it fails.

    taken: when the dump began, for ``within_hours`` (times without a zone count as UTC).
    """
    import pymysql

    expected = f"{assertion.operator} {assertion.value}" + (
        " before the backup" if assertion.operator == "within_hours" else ""
    )
    started = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"USE {identifier(assertion.database or database)}")
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute("START TRANSACTION READ ONLY")
            try:
                cursor.execute(assertion.sql)
                row = cursor.fetchone()
            finally:
                cursor.execute("ROLLBACK")
    except pymysql.MySQLError as error:
        return Check(
            LEVEL, assertion.name, False, expected, message_of(error), time.monotonic() - started, assertion.sql
        )
    value = row[0] if row else None
    ok, actual = _compare(value, assertion, taken)
    return Check(LEVEL, assertion.name, ok, expected, actual, time.monotonic() - started, assertion.sql)


def _compare(value: Any, assertion: Assertion, taken: datetime) -> tuple[bool, str]:
    if value is None:
        return False, "no value (NULL or no row)"
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if assertion.operator == "matches":
        return re.search(assertion.value, text) is not None, text[:500]
    if assertion.operator == "within_hours":
        return _fresh(value, text, float(assertion.value), taken)
    left, right = _number(value), _number(assertion.value)
    if left is not None and right is not None:
        results = {"=": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}
    else:
        results = {
            "=": text == assertion.value,
            "!=": text != assertion.value,
            ">=": text >= assertion.value,
            "<=": text <= assertion.value,
        }
    return results[assertion.operator], text[:500]


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _fresh(value: Any, text: str, hours: float, taken: datetime) -> tuple[bool, str]:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return False, f"{text[:100]} is no time"
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    age = taken - moment
    if age < -_AHEAD:
        return (
            False,
            f"{moment:%Y-%m-%d %H:%M:%S} lies after the backup: a wrong date, which would count as new for ever",
        )
    told = f"{moment:%Y-%m-%d %H:%M:%S} UTC, {age.total_seconds() / 3600:,.1f} h before the backup"
    return age <= timedelta(hours=hours), told
