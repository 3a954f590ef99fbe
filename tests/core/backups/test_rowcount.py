"""Rows are counted from the dump's own stream, however it is cut into pieces."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from core.backups.rowcount import RowCounter

DUMP = b"""/*M!999999\\- enable the sandbox mode */
-- MariaDB dump 10.19
--
-- Table structure for table `a`
--
CREATE TABLE `a` (
  `id` int
) PARTITION BY RANGE (id)
(PARTITION p0 VALUES LESS THAN (10));

--
-- Dumping data for table `a`
--

LOCK TABLES `a` WRITE;
INSERT INTO `a` VALUES
(1,'x\\n(2),(3);\\n-- Dump completed'),
(2,'y');
INSERT INTO `a` VALUES
(3,'UNLOCK TABLES;');
UNLOCK TABLES;

--
-- Dumping data for table `empty`
--

LOCK TABLES `empty` WRITE;
UNLOCK TABLES;

--
-- Dumping data for table `we``ird
-- name`
--

LOCK TABLES `x` WRITE;
INSERT INTO `x` VALUES
(1);
UNLOCK TABLES;
CREATE PROCEDURE p()
begin select
(1); end

--
-- Dumping data for table `one line`
--

LOCK TABLES `one line` WRITE;
INSERT INTO `one line` VALUES (1),(2);
UNLOCK TABLES;

--
-- Dumping data for table `old`
--

/*M!101100 SET @old_system_versioning_insert_history=@@session.system_versioning_insert_history, @@session.system_versioning_insert_history=1 */;
LOCK TABLES `old` WRITE;
INSERT INTO `old` (`x`, row_start, row_end) VALUES (1,'a','b'),
(2,'a','b');
INSERT INTO `old` (`x`, row_start, row_end) VALUES (3,'a','b');
UNLOCK TABLES;
/*M!101100 SET system_versioning_insert_history=@old_system_versioning_insert_history */;

--
-- Dumping data for table `not old`
--

LOCK TABLES `not old` WRITE;
INSERT INTO `not old` VALUES
('_history=1 ');
UNLOCK TABLES;
-- Dump completed on 2026-11-22 19:13:02
"""
ROWS = {
    ("", "a"): 3,
    ("", "empty"): 0,
    ("", "we`ird\nname"): 1,
    ("", "one line"): None,
    ("", "old"): 3,
    ("", "not old"): 1,
}


def counted(pieces: list[bytes]) -> RowCounter:
    counter = RowCounter()
    for piece in pieces:
        counter.feed(piece)
    return counter


def test_counts_a_whole_dump() -> None:
    counter = counted([DUMP])
    assert counter.rows == ROWS
    assert counter.whole


@given(st.lists(st.integers(0, len(DUMP)), max_size=40))
def test_any_cut_into_pieces_counts_the_same(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(DUMP)]
    counter = counted([DUMP[start:end] for start, end in itertools.pairwise(places)])
    assert counter.rows == ROWS
    assert counter.whole


def test_byte_by_byte() -> None:
    counter = counted([bytes([byte]) for byte in DUMP])
    assert counter.rows == ROWS
    assert counter.whole


@given(st.integers(0, len(DUMP) - 2))
def test_a_cut_dump_is_not_whole(end: int) -> None:
    assert not counted([DUMP[:end]]).whole


# What stands between a table's header and its UNLOCK, line by line, and what is easily taken for one of them.
LINES = st.sampled_from(
    [
        b"INSERT INTO `t` VALUES",
        b"INSERT INTO `t` VALUES (1),(2);",
        b"(1,'x'),",
        b"(2,'UNLOCK TABLES;');",
        b"(",
        b"",
        b"UNLOCK TABLES; ",
        b" UNLOCK TABLES;",
        b"UNLOCK TABLES",
        b"/*!40000 ALTER TABLE `t` ENABLE KEYS */;",
    ]
)
TABLES = st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=4)


@given(TABLES, st.lists(st.integers(0, 200), max_size=60))
def test_counts_what_the_lines_say(tables: list[list[bytes]], sizes: list[int]) -> None:
    dump = b"-- MariaDB dump 10.19\n"
    expected: dict[tuple[str, str], int | None] = {}
    for number, lines in enumerate(tables):
        dump += b"\n--\n-- Dumping data for table `t%d`\n--\n\n" % number
        dump += b"".join(line + b"\n" for line in [b"LOCK TABLES `t` WRITE;", *lines, b"UNLOCK TABLES;"])
        rows = sum(line.startswith(b"(") for line in lines)
        inserts = any(line.startswith(b"INSERT ") for line in lines)
        expected[("", f"t{number}")] = None if inserts and not rows else rows
    places = [0, *(min(place, len(dump)) for place in itertools.accumulate(sizes)), len(dump)]
    assert counted([dump[start:end] for start, end in itertools.pairwise(places)]).rows == expected


def test_databases_are_told_apart() -> None:
    dump = b"\n--\n-- Current Database: `a`\n--\n" + DUMP + b"\n--\n-- Current Database: `b`\n--\n" + DUMP
    rows = counted([dump]).rows
    assert rows[("a", "a")] == 3
    assert rows[("b", "a")] == 3
