"""Redshift's types: their names, what the Data API says of them, and the DuckDB types that hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = frozenset({"char", "varchar"})
_INTEGERS = ("int2", "int4", "int8")
_API_NAMES = {"super": "super", "varbyte": "varbyte", "unknown": "varchar", "hllsketch": "hllsketch"}


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type by PostgreSQL's internal name (int4, numeric, varchar, ...).

    size: characters of char, bytes of varchar and varbyte (-1: as long as it gets).
    precision, scale: of numeric. An interval has precision 1 for YEAR TO MONTH, 2 for DAY TO SECOND, 0 for neither.
    """

    name: str
    size: int = -1
    precision: int = 0
    scale: int = 0

    @property
    def is_text(self) -> bool:
        return self.name in _TEXT or self.name == "unknown"

    @property
    def is_integer(self) -> bool:
        return self.name in _INTEGERS

    @property
    def is_float(self) -> bool:
        return self.name in ("float4", "float8")

    @property
    def is_number(self) -> bool:
        return self.is_integer or self.is_float or self.name == "numeric"

    @property
    def is_datetime(self) -> bool:
        return self.name in ("date", "timestamp", "timestamptz")

    @property
    def api_name(self) -> str:
        if self.name == "interval":
            return ("interval", "intervaly2m", "intervald2s")[self.precision]
        return {"char": "bpchar", **_API_NAMES}.get(self.name, self.name)

    @property
    def metadata_precision(self) -> int:
        if self.name == "numeric":
            return self.precision
        if self.is_text:
            return self.size if self.size > 0 else 65535
        return {
            "int2": 5, "int4": 10, "int8": 19, "float4": 8, "float8": 17, "bool": 1, "date": 13, "timestamp": 29, "timestamptz": 35,
            "time": 15, "timetz": 21, "super": 0, "varbyte": self.size,
        }.get(self.name, 0)  # fmt: skip

    @property
    def metadata_scale(self) -> int:
        if self.name == "numeric":
            return self.scale
        return {"float4": 8, "float8": 17, "timestamp": 6, "timestamptz": 6, "time": 6, "timetz": 6}.get(self.name, 0)

    @property
    def sql(self) -> str:
        """The long name, as catalogue views and SHOW TABLE print it."""
        if self.name == "numeric":
            return f"numeric({self.precision},{self.scale})"
        if self.name in ("varchar", "char", "unknown"):
            long = "character" if self.name == "char" else "character varying"
            return f"{long}({self.size})" if self.size > 0 else long
        if self.name == "varbyte":
            return f"binary varying({self.size})" if self.size > 0 else "binary varying"
        if self.name == "interval":
            return ("interval", "interval year to month", "interval day to second")[self.precision]
        return _LONG.get(self.name, self.name)

    @property
    def duck(self) -> str:
        """The DuckDB type that holds it."""
        if self.name == "numeric":
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCK.get(self.name, "VARCHAR")


_LONG = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision", "bool": "boolean",
    "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone", "time": "time without time zone",
    "timetz": "time with time zone", "bpchar": "character(256)",
}  # fmt: skip
_DUCK = {
    "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ", "time": "TIME", "timetz": "TIMETZ", "varchar": "VARCHAR", "char": "VARCHAR",
    "super": "JSON", "varbyte": "BLOB", "interval": "INTERVAL", "oid": "BIGINT", "geometry": "VARCHAR", "unknown": "VARCHAR",
}  # fmt: skip

INT2, INT4, INT8 = SqlType("int2"), SqlType("int4"), SqlType("int8")
FLOAT4, FLOAT8 = SqlType("float4"), SqlType("float8")
BOOL, DATE, TIME, TIMETZ = SqlType("bool"), SqlType("date"), SqlType("time"), SqlType("timetz")
TIMESTAMP, TIMESTAMPTZ, INTERVAL = SqlType("timestamp"), SqlType("timestamptz"), SqlType("interval")
TEXT, SUPER, VARBYTE, UNKNOWN = SqlType("varchar"), SqlType("super"), SqlType("varbyte"), SqlType("unknown")


def numeric(precision: int, scale: int) -> SqlType:
    return SqlType("numeric", precision=precision, scale=scale)


def varchar(size: int) -> SqlType:
    return SqlType("varchar", size)


def from_duck(name: str) -> SqlType:
    """The Redshift type that a DuckDB type shows as."""
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", name):
        return numeric(int(found[1]), int(found[2]))
    return _FROM_DUCK.get(name, TEXT)


_FROM_DUCK = {
    "TINYINT": INT2, "UTINYINT": INT2, "SMALLINT": INT2, "USMALLINT": INT4, "INTEGER": INT4, "UINTEGER": INT8, "BIGINT": INT8,
    "UBIGINT": numeric(20, 0), "HUGEINT": numeric(38, 0), "FLOAT": FLOAT4, "DOUBLE": FLOAT8, "BOOLEAN": BOOL, "DATE": DATE, "TIME": TIME,
    "TIMETZ": TIMETZ, "TIME WITH TIME ZONE": TIMETZ, "TIMESTAMP": TIMESTAMP, "TIMESTAMPTZ": TIMESTAMPTZ,
    "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ, "JSON": SUPER, "BLOB": VARBYTE, "INTERVAL": INTERVAL,
}  # fmt: skip
