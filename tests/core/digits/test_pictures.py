"""A scan, a photo on paper, a screenshot become the 28 x 28 picture a model expects; damage is refused in words."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.base.errors import OpsError
from core.digits.ink import centre_of_mass, rasterised
from core.digits.model_file import SHIPPED, read_patch_model
from core.digits.pictures import digit_from, found_ink, framed, largest_parts, otsu, read_picture
from core.digits.plain_digits import plain_digit


@cache
def on_paper(digit: int, *, size: int = 150, at: tuple[int, int] = (120, 60), pen: float = 9.0) -> np.ndarray:
    """Ink of a plain digit, (300, 400) in 0..1, ``size`` pixels tall at (x, y)."""
    paths = [(stroke.points / 280 * size + np.array(at, np.float32)) / 2 for stroke in plain_digit(digit)]
    half = rasterised(paths, [pen / 2] * len(paths), 200)[:150]
    return np.asarray(Image.fromarray(half).resize((400, 300), Image.Resampling.BILINEAR))


def photo(digit: int, rng: np.random.Generator, **where: object) -> np.ndarray:
    """Dark ink on paper under a lamp: bright at one corner, half as bright at the other, grain and specks."""
    ink = on_paper(digit, **where)  # type: ignore[arg-type]
    y, x = np.mgrid[0:300, 0:400]
    light = 225 - 110 * (x + y) / 700
    grey = light * (1 - 0.75 * ink) + rng.normal(0, 3, ink.shape)
    for _ in range(6):
        top, left = rng.integers(5, 290), rng.integers(5, 390)
        grey[top : top + 2, left : left + 2] -= 70
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> object:
    return read_patch_model(SHIPPED)[0]


def test_photos_of_all_digits_are_read(model: object) -> None:
    rng = np.random.default_rng(0)
    places = [{}, {"size": 90, "at": (30, 180)}, {"size": 200, "at": (180, 40), "pen": 16.0}]
    pictures = np.stack([digit_from(photo(digit, rng, **places[digit % 3])) for digit in range(10)])
    answer = model.answer(pictures)  # type: ignore[attr-defined]
    assert answer.labels.tolist() == list(range(10))
    assert (answer.digit >= 0).all()


def test_chalk_on_a_board_is_the_same_as_ink_on_paper() -> None:
    ink = on_paper(3)
    dark_on_bright, bright_on_dark = (230 - 180 * ink).astype(np.uint8), (25 + 180 * ink).astype(np.uint8)
    assert np.abs(digit_from(dark_on_bright) - digit_from(bright_on_dark)).max() < 0.1


def test_cropped_scaled_and_centred() -> None:
    picture = framed(on_paper(5, size=60, at=(300, 10)))
    rows, columns = np.flatnonzero(picture.max(1) > 0.3), np.flatnonzero(picture.max(0) > 0.3)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    np.testing.assert_allclose(centre_of_mass(picture), 13.5, atol=0.6)
    assert picture.max() == 1


def test_a_digit_of_a_data_set_is_taken_as_it_stands() -> None:
    grey = np.zeros((28, 28), np.uint8)
    grey[4:24, 3:6] = 200
    assert np.array_equal(digit_from(grey), grey / np.float32(255))


@pytest.mark.parametrize(
    "blank",
    [
        np.full((200, 300), 255, np.uint8),
        np.zeros((40, 40), np.uint8),
        np.linspace(120, 230, 200 * 300).reshape(200, 300).astype(np.uint8),  # a shadow over empty paper
        (230 + np.random.default_rng(1).normal(0, 3, (200, 300))).astype(np.uint8),
        np.full((1, 1), 90, np.uint8),
    ],
)
def test_paper_without_ink_shows_nothing(blank: np.ndarray) -> None:
    assert not digit_from(blank).any()


def test_specks_go_and_two_strokes_stay() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:14] = mask[10:50, 40:44] = True
    mask[5, 55] = True
    kept = largest_parts(mask)
    assert not kept[5, 55]
    assert kept.sum() == mask.sum() - 1


def test_otsu_against_the_definition() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(40, 6, 3_000), rng.normal(180, 20, 500)]).astype(np.float32)

    def within(level: float) -> float:
        return sum(part.var() * len(part) for part in (values[values <= level], values[values > level]))

    best = min(np.linspace(values.min() + 1, values.max() - 1, 400), key=within)
    assert within(otsu(values)) <= within(best) * 1.01
    assert found_ink(np.array([[0, 255]] * 30, np.uint8)).shape == (30, 2)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def test_transparent_paper_is_white_and_ink_stays_dark() -> None:
    ink = (on_paper(4) * 255).astype(np.uint8)
    black = np.zeros_like(ink)
    drawing = Image.fromarray(np.dstack([black, black, black, ink]), "RGBA")
    grey = read_picture(saved(drawing, "PNG"))
    assert grey[0, 0] == 255 and grey.min() < 20


def test_a_photo_lying_on_its_side_is_turned_as_the_camera_says() -> None:
    upright = Image.fromarray(on_paper(7).astype(np.uint8) * 200)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    assert read_picture(saved(lying, "JPEG", exif=exif)).shape == (300, 400)
    assert read_picture(saved(lying, "JPEG")).shape == (400, 300)


def test_sixteen_bits_and_palettes_are_grey_too() -> None:
    deep = Image.fromarray((on_paper(2) * 65_535).astype(np.uint16))
    assert read_picture(saved(deep, "PNG")).max() == 255
    assert read_picture(saved(Image.new("P", (9, 5), 3), "GIF")).shape == (5, 9)


def test_what_is_no_picture_or_too_large_is_refused(tmp_path: Path) -> None:
    for content, words in (
        (b"", "no picture"),
        (b"label,pixel0\n1,2\n", "no picture"),
        (saved(Image.new("1", (9_000, 9_000)), "PNG"), "9,000 x 9,000 pixels"),
    ):
        with pytest.raises(OpsError) as caught:
            read_picture(content, "it.png")
        assert words in caught.value.why and caught.value.code == "picture"
    with pytest.raises(OpsError, match="could not be read as a picture"):
        read_picture(tmp_path / "absent.png")


@cache
def _whole(kind: str) -> bytes:
    return saved(Image.fromarray(255 - (on_paper(8) * 220).astype(np.uint8)).resize((80, 60)), kind)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damage that it reads over
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]),
    st.integers(0, 100_000),
    st.binary(min_size=1, max_size=12),
    st.booleans(),
)
def test_a_damaged_picture_is_read_or_refused(kind: str, at: int, junk: bytes, cut: bool) -> None:
    content = _whole(kind)
    at %= len(content)
    content = content[:at] if cut else content[:at] + junk + content[at + len(junk) :]
    try:
        picture = digit_from(read_picture(content))
    except OpsError as error:
        refused = error.code
    else:
        refused = ""
        assert picture.shape == (28, 28)
        assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1
    assert refused in ("", "picture")
