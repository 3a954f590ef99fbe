"""The options of COPY, read by hand; every one is honoured, accepted without effect, or refused by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.reader import Reader


@dataclass(slots=True)
class CopyOptions:
    format: str = "text"
    """text, csv, json, parquet, fixedwidth."""
    delimiter: str = "|"
    quote: str = '"'
    json_paths: str = "auto"
    widths: list[tuple[str, int]] = field(default_factory=list)
    compression: str = ""
    null_as: str = "\\N"
    ignore_header: int = 0
    max_error: int = 0
    date_format: str = ""
    """Empty: the default, years first and parted by dashes; ``auto`` takes all that a cast takes."""
    time_format: str = ""
    any_date: bool = False
    encoding: str = "utf-8"
    bad_chars: str | None = None
    manifest: bool = False
    empty_as_null: bool = False
    blanks_as_null: bool = False
    truncate_columns: bool = False
    explicit_ids: bool = False
    fill_record: bool = False
    ignore_blank_lines: bool = False
    escape: bool = False
    remove_quotes: bool = False
    trim_blanks: bool = False
    round_decimals: bool = False
    no_load: bool = False
    serialize_to_json: bool = False
    ignored: list[str] = field(default_factory=list)


_FLAGS = {
    "manifest": "manifest", "emptyasnull": "empty_as_null", "blanksasnull": "blanks_as_null", "truncatecolumns": "truncate_columns",
    "explicit_ids": "explicit_ids", "fillrecord": "fill_record", "ignoreblanklines": "ignore_blank_lines", "escape": "escape",
    "removequotes": "remove_quotes", "trimblanks": "trim_blanks", "noload": "no_load", "roundec": "round_decimals", "serializetojson": "serialize_to_json",
    "acceptanydate": "any_date",
}  # fmt: skip
_COMPRESSIONS = {"gzip": "gzip", "bzip2": "bzip2", "zstd": "zstd"}
_REFUSED = ("avro", "orc", "shapefile", "lzop", "ssh", "encrypted", "master_symmetric_key", "with", "rowsperslice")
_ENCODINGS = {
    "utf8": "utf-8",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    "iso88591": "iso-8859-1",
}


def read_options(reader: Reader) -> CopyOptions:
    options = CopyOptions()
    given: set[str] = set()
    while not reader.done:
        token = reader.peek()
        word = reader.name()
        given.add(word)
        if word == "format":
            reader.take("as")
            _format(reader, options, reader.name())
        elif word in ("csv", "json", "parquet", "fixedwidth"):
            _format(reader, options, word)
        elif word == "quote":
            reader.take("as")
            options.quote = reader.string()
        elif word == "delimiter":
            reader.take("as")
            options.delimiter = _char(reader.string())
        elif word in _COMPRESSIONS:
            options.compression = _COMPRESSIONS[word]
        elif word == "null":
            reader.take("as")
            options.null_as = reader.marker().replace("\0", "")
        elif word == "ignoreheader":
            reader.take("as")
            options.ignore_header = reader.number()
        elif word == "maxerror":
            reader.take("as")
            options.max_error = reader.number()
        elif word in ("dateformat", "timeformat"):
            reader.take("as")
            setattr(options, f"{word[:4]}_format", reader.string())
        elif word == "encoding":
            reader.take("as")
            name = reader.name() if reader.peek() and reader.peek().kind == "word" else reader.string()  # type: ignore[union-attr]
            if name.lower() not in _ENCODINGS:
                raise SqlError(f"encoding {name} is not known")
            options.encoding = _ENCODINGS[name.lower()]
        elif word == "acceptinvchars":
            reader.take("as")
            nearby = reader.peek()
            options.bad_chars = reader.string() if nearby is not None and nearby.kind == "string" else "?"
        elif word == "ignoreallerrors":
            options.max_error = 10**9
        elif word in _FLAGS:
            setattr(options, _FLAGS[word], True)
        elif word in ("iam_role", "credentials", "access_key_id", "secret_access_key", "session_token", "region"):
            credential(reader, word)
        elif word in ("compupdate", "statupdate", "comprows", "readratio", "parallel"):
            options.ignored.append(word.upper())
            if (
                not reader.take("on")
                and not reader.take("off")
                and not reader.take("true")
                and not reader.take("false")
                and not reader.take("preset")
            ):
                nearby = reader.peek()
                if nearby is not None and nearby.kind == "number":
                    reader.number()
        elif word in _REFUSED:
            raise NeedsCluster(f"COPY ... {word.upper()}")
        else:
            raise SqlError(f'syntax error at or near "{token.text if token else word}" in COPY')
    if options.format == "csv" and "delimiter" not in given:
        options.delimiter = ","
    _check(options, given)
    return options


_APART = (
    ("csv", "escape"), ("csv", "removequotes"), ("csv", "fixedwidth"), ("fixedwidth", "delimiter"), ("fixedwidth", "escape"),
    ("ignoreallerrors", "maxerror"),
)  # fmt: skip
_NOT_WITH_PARQUET = (
    "maxerror", "ignoreallerrors", "delimiter", "quote", "ignoreheader", "null", "escape", "removequotes", "dateformat", "timeformat", "encoding",
    "emptyasnull", "blanksasnull", "ignoreblanklines", "roundec", "trimblanks", "truncatecolumns", "gzip", "bzip2", "zstd", "noload",
)  # fmt: skip
"""COPY from columnar data formats lists the parameters it takes; these are not among them."""


def _check(options: CopyOptions, given: set[str]) -> None:
    """Refuse what the manual says cannot stand together, rather than load by one of the two."""
    shown = given | {options.format}
    for one, other in _APART:
        if one in shown and other in shown:
            raise SqlError(f"{one.upper()} cannot be used with {other.upper()} in COPY")
    if "quote" in given and options.format != "csv":
        raise SqlError("QUOTE can only be used with CSV in COPY")
    if options.max_error > 100_000 and "maxerror" in given:
        raise SqlError("MAXERROR must be between 0 and 100000")
    if options.format == "parquet" and (wrong := [word for word in _NOT_WITH_PARQUET if word in given]):
        raise SqlError(f"{wrong[0].upper()} option is not supported for COPY from PARQUET")


def credential(reader: Reader, word: str) -> None:
    """Credentials and regions are read over: the sandbox has one of each."""
    reader.take("as")
    if word == "iam_role" and reader.take("default"):
        return
    reader.string()


def _format(reader: Reader, options: CopyOptions, name: str) -> None:
    if name in _REFUSED:
        raise NeedsCluster(f"COPY ... FORMAT {name.upper()}")
    if name not in ("csv", "json", "parquet", "fixedwidth"):
        raise SqlError(f"COPY format {name.upper()} is not known")
    options.format = name
    reader.take("as")
    nearby = reader.peek()
    if name == "json" and nearby is not None and nearby.kind == "string":
        options.json_paths = reader.string()
    elif name == "fixedwidth":
        for part in reader.string().split(","):
            label, _, width = part.partition(":")
            if not width.strip().isdigit():
                raise SqlError("FIXEDWIDTH needs 'name:width, ...'")
            options.widths.append((label.strip(), int(width)))


def _char(text: str) -> str:
    if len(text) != 1:
        raise SqlError("COPY delimiter must be a single character")
    return text
