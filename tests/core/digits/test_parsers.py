"""Sets of digits are read whole or refused with the line that is wrong; damage never gets through."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError
from core.digits import pixel_csv
from core.digits.batch import _blocks
from core.digits.datasets import Dataset, open_dataset, save_csv, save_npz
from core.digits.number_scan import NumberScan
from core.digits.pixel_csv import PIXELS, read_rows
from tests.core.digits.small_data import digits

HEADER = "label," + ",".join(f"pixel{index}" for index in range(PIXELS))
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def line(label: int | str = 3, first: str = "0", count: int = PIXELS) -> str:
    return ",".join([str(label), first, *["7"] * (count - 1)])


def csv(path: Path, *lines: str, header: str = HEADER, end: str = "\n") -> Path:
    path.write_bytes((end.join([header, *lines]) + end).encode())
    return path


def read_or_refused(path: Path) -> None:
    """Damage may go unnoticed where it makes other digits; anything else is an OpsError with a cause."""
    try:
        shape: tuple[int, ...] | str = open_dataset(path).images.shape[1:]
    except OpsError as error:
        shape = error.why
    assert shape == (28, 28) or (isinstance(shape, str) and shape)


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_kaggle_csv_round_trip_and_cache(tmp_path: Path, name: str) -> None:
    data = digits(300)
    save_csv(data, tmp_path / "plain.csv")
    path = tmp_path / name
    content = (tmp_path / "plain.csv").read_bytes()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for _ in range(2):  # parsed, then from the cache
        found = open_dataset(path, cache=tmp_path / "cache")
        assert np.array_equal(found.images, data.images)
        assert np.array_equal(found.labelled(), data.labelled())
        assert found.name == name
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 1
    next((tmp_path / "cache").glob("*.npz")).write_bytes(b"PK broken")
    assert len(open_dataset(path, cache=tmp_path / "cache")) == 300


@pytest.mark.parametrize("text", ["a" * 300, "a line\nand another\n" * 200, "nowhere.csv"])
def test_what_is_no_name_of_a_file_is_told(text: str) -> None:
    with pytest.raises(OpsError, match="There is no") as told:
        open_dataset(Path(text))
    assert told.value.code == "data" and len(told.value.title) < 250


def test_test_csv_has_no_labels(tmp_path: Path) -> None:
    path = csv(tmp_path / "test.csv", ",".join(["9"] * PIXELS), header=HEADER.removeprefix("label,"))
    found = open_dataset(path)
    assert found.labels is None
    assert found.images.shape == (1, 28, 28)
    with pytest.raises(OpsError, match="no labels"):
        found.labelled()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_windows_line_ends_and_no_end_at_all(tmp_path: Path, end: str) -> None:
    path = csv(tmp_path / "a.csv", line(), line(4), end=end)
    path.write_bytes(path.read_bytes().rstrip())
    assert open_dataset(path).labelled().tolist() == [3, 4]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line(), line(), line(count=PIXELS - 1)], "Line 4: 784 values instead of 785"),
        ([line(), line(first="256")], "Line 3: pixel0 is '256'"),
        ([line(first="-1")], "Line 2: pixel0 is '-1'"),
        ([line(first="65537")], "Line 2: pixel0 is '65537'"),
        ([line(first="99999999999999999999")], "Line 2: pixel0"),
        ([line(first="abc")], "Line 2: pixel0 is 'abc'"),
        ([line(first="")], "Line 2: pixel0 is ''"),
        ([line(first="1.5")], "Line 2: pixel0 is '1.5'"),
        ([line(first="nan")], "Line 2: pixel0 is 'nan'"),
        ([line(), line(10)], "Line 3: label is '10'"),
        ([line(), "", line()], "Line 3: the line is empty"),
        ([], "a header and no rows"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(OpsError) as caught:
        open_dataset(csv(tmp_path / "train.csv", *lines))
    assert words in caught.value.why
    assert caught.value.code == "data"


def test_the_line_is_right_beyond_the_first_block(tmp_path: Path) -> None:
    path = csv(tmp_path / "train.csv", *[line()] * 3_000, line(first="x"), *[line()] * 10)
    with pytest.raises(OpsError, match="Line 3002"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n1,2\n", "Line 1 is empty"),
        (b"a,b,c\n1,2,3\n", "3 columns"),
        (b"1,2,3\n", "Line 1 has 3 columns"),
        (HEADER.replace("label", "digit").encode() + b"\n", "first one named 'digit'"),
        (b"\xff\xfe\x00binary" * 100, "UTF-16"),
        (HEADER.replace(",", ";").encode() + b"\n", "semicolons"),
        (HEADER.replace(",", "\t").encode() + b"\n", "tabs"),
        (
            ",".join(["label", *(f"pixel{n}" for n in reversed(range(784)))]).encode() + b"\n",
            "'pixel782' after 'pixel783'",
        ),
        (",".join(["label", *(f"{x}x{y}" for y in range(1, 29) for x in range(1, 29))]).encode() + b"\n", "after"),
        (b"x" * 200_000, "longer than any row"),
    ],
)
def test_a_wrong_file_is_told_from_its_start(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    with pytest.raises(OpsError) as caught:
        open_dataset(path)
    assert words in caught.value.why


def test_other_names_in_the_order_of_the_pixels_are_read(tmp_path: Path) -> None:
    rows = csv(tmp_path / "train.csv", line(1)).read_text().partition("\n")[2]
    path = tmp_path / "named.csv"
    path.write_text(",".join(["label", *(f"{y}x{x}" for y in range(1, 29) for x in range(1, 29))]) + f"\n{rows}")
    assert open_dataset(path).labels.tolist() == [1]


def test_lenient_reading_marks_bad_rows_and_goes_on(tmp_path: Path) -> None:
    path = csv(tmp_path / "train.csv", line(1), line(first="x"), line(2), line(count=3), line(3))
    (rows,) = read_rows(path, strict=False)
    assert rows.good.tolist() == [True, False, True, False, True]
    assert [row.line for row in rows.bad] == [3, 5]
    assert rows.labels is not None and rows.labels[rows.good].tolist() == [1, 2, 3]


@quick
@given(st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=PIXELS, max_size=PIXELS)), min_size=1, max_size=3))
def test_any_pixels_come_back(tmp_path: Path, rows: list[tuple[int, bytes]]) -> None:
    path = csv(tmp_path / "p.csv", *[",".join(map(str, [label, *pixels])) for label, pixels in rows])
    found = open_dataset(path)
    assert found.labels is not None and found.labels.tolist() == [label for label, _ in rows]
    if max(max(pixels) for _, pixels in rows) == 1:  # black and white
        rows = [(label, pixels.replace(b"\1", b"\xff")) for label, pixels in rows]
    assert [image.tobytes() for image in found.images] == [pixels for _, pixels in rows]


def test_black_and_white_as_0_and_1_is_ink(tmp_path: Path) -> None:
    """Read as they stand, the pictures would be all but blank, and every answer nonsense."""
    bits = (digits(20).images > 127).astype(np.uint8)
    whole = Dataset("bits", bits, digits(20).labels)
    save_csv(whole, tmp_path / "bits.csv")
    save_npz(whole, tmp_path / "bits.npz")
    for name in ("bits.csv", "bits.npz"):
        assert np.array_equal(open_dataset(tmp_path / name).images, bits * 255)


def test_light_and_dark_exchanged_is_nothing_to_learn_from(tmp_path: Path) -> None:
    save_npz(Dataset("bright", 255 - digits(20).images, digits(20).labels), tmp_path / "bright.npz")
    with pytest.raises(OpsError) as caught:
        open_dataset(tmp_path / "bright.npz").labelled()
    assert "Subtract" in caught.value.remedy


def test_kaggles_archive_is_read_where_one_table_is_in_it(tmp_path: Path) -> None:
    save_csv(digits(30), tmp_path / "train.csv")
    one, several, locked = (tmp_path / f"{name}.zip" for name in ("train.csv", "digit-recognizer", "locked"))
    with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "train.csv", "train.csv")
        archive.writestr("__MACOSX/._train.csv", b"\0")
    assert np.array_equal(open_dataset(one).images, digits(30).images)
    with zipfile.ZipFile(several, "w") as archive:
        archive.write(tmp_path / "train.csv", "train.csv")
        archive.writestr("test.csv", b"")
    with pytest.raises(OpsError) as caught:
        open_dataset(several)
    assert "train.csv, test.csv" in caught.value.why and "Unpack" in caught.value.remedy
    content = bytearray(one.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # both headers of the first file say: encrypted
        content[content.index(mark) + at] |= 1
    locked.write_bytes(content)
    with pytest.raises(OpsError) as caught:
        open_dataset(locked)
    assert "encrypted" in caught.value.why and "Unpack" in caught.value.remedy
    broken = bytearray(one.read_bytes())
    broken[2_000] ^= 0xFF
    one.write_bytes(broken)
    with pytest.raises(OpsError):
        open_dataset(one)


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("," + HEADER, f"0,{line()}", "index=False"),
        (f"{HEADER.removeprefix('label,')},label", line(), "column 785"),
        (HEADER, line(first="0.5"), "by 255"),
    ],
)
def test_what_a_beginner_writes_is_answered_with_what_to_do(tmp_path: Path, header: str, row: str, words: str) -> None:
    with pytest.raises(OpsError) as caught:
        open_dataset(csv(tmp_path / "train.csv", row, header=header))
    assert words in str(caught.value)


@quick
@given(
    st.integers(0, 4_700),
    st.binary(min_size=1, max_size=4)
    | st.sampled_from([b"0", b"00", b"255,", b"256", b"\n", b",", b"-1", b"1e2", b" 7", b"\r"]),
)
def test_the_quick_reader_says_what_the_careful_one_says(at: int, junk: bytes) -> None:
    """Whatever stands in the text: where the quick reader answers at all, line by line gives the same numbers."""
    text = f"{line(first='255')}\n{line(9, first='18')}\n{line(0, first='100')}\n".encode()
    text = text[:at] + junk + text[at + len(junk) :]
    text = text[: text.rfind(b"\n") + 1]
    quickly = NumberScan(len(text))(text, PIXELS + 1)
    carefully = pixel_csv._careful(text, True, 2)
    if quickly is None:
        return
    assert np.array_equal(quickly[:, 1:], carefully.pixels) or any("label" in row.why for row in carefully.bad)


@quick
@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=12), st.booleans(), st.booleans())
def test_damaged_csv_is_read_or_refused(tmp_path: Path, place: int, junk: bytes, cut: bool, zipped: bool) -> None:
    """By who opens it whole, and by who predicts it row by row."""
    content = (HEADER + "\n" + "\n".join([line(), line(5)]) + "\n").encode()
    content = gzip.compress(content) if zipped else content
    at = place % len(content)
    content = content[:at] if cut else content[:at] + junk + content[at + len(junk) :]
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    read_or_refused(path)
    try:
        blocks = list(_blocks(path, lambda done, total: None))
    except OpsError as error:
        assert error.why  # noqa: PT017
    else:
        assert all(len(block.good) == len(block.pixels) for block in blocks)


def idx(array: np.ndarray) -> bytes:
    return b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("named", ["images", "labels"])
def test_idx_pair_by_either_name(tmp_path: Path, zipped: bool, named: str) -> None:
    data = digits(30)
    end = ".gz" if zipped else ""
    pack = gzip.compress if zipped else bytes
    images, labels = tmp_path / f"t-images-idx3-ubyte{end}", tmp_path / f"t-labels-idx1-ubyte{end}"
    images.write_bytes(pack(idx(data.images)))
    labels.write_bytes(pack(idx(data.labelled())))
    found = open_dataset(images if named == "images" else labels)
    assert np.array_equal(found.images, data.images)
    assert np.array_equal(found.labelled(), data.labelled())


@quick
@given(st.integers(0, 4_000), st.binary(min_size=1, max_size=8), st.booleans(), st.booleans())
def test_damaged_idx_is_read_or_refused(tmp_path: Path, at: int, junk: bytes, cut: bool, zipped: bool) -> None:
    content = idx(digits(4).images)
    content = gzip.compress(content) if zipped else content
    at %= len(content)
    content = content[:at] if cut else content[:at] + junk + content[at + len(junk) :]
    path = tmp_path / "t-images-idx3-ubyte"
    path.write_bytes(content)
    read_or_refused(path)


def test_idx_header_that_lies_about_its_size(tmp_path: Path) -> None:
    path = tmp_path / "t-images-idx3-ubyte"
    path.write_bytes(b"\x00\x00\x08\x03" + struct.pack(">3I", 2**31, 28, 28) + b"\x00" * 100)
    with pytest.raises(OpsError, match="GB"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.zeros((3, 27, 28), np.uint8)}, "shape"),
        ({"pictures": np.zeros((3, 28, 28), np.uint8)}, "expected images"),
        ({"images": np.full((3, 28, 28), 300)}, "go from"),
        ({"images": np.full((3, 28, 28), np.nan)}, "go from"),
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": np.array([1, 2])}, "labels of the shape"),
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": np.array([1, 2, 11])}, "0 to 9"),
        ({"images": np.array([["a"]])}, "shape"),
    ],
)
def test_npz_that_is_no_set_of_digits(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(OpsError) as caught:
        open_dataset(tmp_path / "a.npz")
    assert words in caught.value.why


def test_npz_in_floats_and_with_channels(tmp_path: Path) -> None:
    data = digits(20)
    np.savez(tmp_path / "f.npz", x=data.images[:, None] / np.float32(255), y=data.labelled().astype(np.int64))
    found = open_dataset(tmp_path / "f.npz")
    assert np.array_equal(found.images, data.images)


def test_npz_with_a_pickle_inside_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    np.savez(tmp_path / "bomb.npz", images=np.array([Bomb()], dtype=object))
    with pytest.raises(OpsError):
        open_dataset(tmp_path / "bomb.npz")
    assert not (tmp_path / "ran").exists()


@quick
@given(st.integers(0, 100_000), st.binary(min_size=1, max_size=16), st.booleans())
def test_damaged_npz_is_read_or_refused(tmp_path: Path, at: int, junk: bytes, cut: bool) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=digits(4).images, labels=digits(4).labelled())
    content = buffer.getvalue()
    at %= len(content)
    content = content[:at] if cut else content[:at] + junk + content[at + len(junk) :]
    path = tmp_path / "d.npz"
    path.write_bytes(content)
    read_or_refused(path)


@pytest.mark.heavy  # writes 5 GB of zeros
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            for _ in range(80):
                member.write(b"\x00" * (64 << 20))
    with pytest.raises(OpsError, match="GB"):
        open_dataset(path)


def test_a_folder_of_pictures_by_label(tmp_path: Path) -> None:
    from PIL import Image

    data = digits(20)
    for index, (image, label) in enumerate(zip(data.images, data.labelled(), strict=True)):
        (tmp_path / "set" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "set" / str(label) / f"{index:02}.png")
    found = open_dataset(tmp_path / "set")
    assert sorted(found.labelled().tolist()) == sorted(data.labelled().tolist())
    first = int(np.flatnonzero(data.labelled() == found.labelled()[0])[0])
    assert np.array_equal(found.images[0], data.images[first])
    (tmp_path / "set" / "3" / "zz.png").write_bytes(b"no picture")
    with pytest.raises(OpsError, match=r"3/zz\.png"):
        open_dataset(tmp_path / "set")
    (tmp_path / "none").mkdir()
    with pytest.raises(OpsError, match="no digits"):
        open_dataset(tmp_path / "none")


def test_missing_file_and_round_trip_npz(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="There is no"):
        open_dataset(tmp_path / "absent.csv")
    data: Dataset = digits(12)
    save_npz(data, tmp_path / "a.npz")
    assert open_dataset(tmp_path / "a.npz").digest == data.digest
