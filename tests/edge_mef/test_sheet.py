"""Contact sheets: where the pictures are, and captions that fit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.sheet import contact_sheet

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def plain(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def area(sheet: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return (top, left, height, width) of the pixels of one colour, which fill a rectangle."""
    rows, columns = np.nonzero((sheet == colour).all(axis=2))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert len(rows) == height * width
    return int(rows.min()), int(columns.min()), int(height), int(width)


def test_pictures_lie_in_rows_and_columns() -> None:
    rows = [[plain(60, 80, RED), plain(30, 40, GREEN)], [plain(200, 100, BLUE)]]
    sheet = contact_sheet(rows, [["under", "over"], ["fused"]], cell_width=80)
    red, green, blue = (area(sheet, colour) for colour in (RED, GREEN, BLUE))
    assert red[2:] == (60, 80)
    assert green[2:] == (60, 80)
    assert blue[2:] == (160, 80)
    assert red[0] == green[0] < blue[0]
    assert red[1] == blue[1] < green[1]
    assert sheet.shape[1] - (green[1] + 80) == red[1]
    assert sheet.dtype == np.uint8


def test_a_caption_is_cut_to_its_column() -> None:
    pictures = [[plain(20, 100, RED), plain(20, 100, GREEN)]]
    long, short = (contact_sheet(pictures, [[text, ""]], 100) for text in ("word " * 99, "w"))
    assert long.shape == short.shape
    above = long[: area(long, RED)[0]]
    inked = np.nonzero((above < 100).any(axis=(0, 2)))[0]
    assert 90 > len(inked) > len(np.nonzero((short[: len(above)] < 100).any(axis=(0, 2)))[0])
    assert inked.max() < area(long, RED)[1] + 100


def test_a_caption_of_several_lines_becomes_one() -> None:
    pictures = [[plain(20, 100, RED)]]
    broken, spaced = (contact_sheet(pictures, [[f"a{s}b"]], 100) for s in ("\n \t", " "))
    np.testing.assert_array_equal(broken, spaced)


def test_a_thin_picture_keeps_a_row_of_pixels() -> None:
    assert area(contact_sheet([[plain(1, 5000, BLUE)]], [["thin"]], 100), BLUE)[2:] == (1, 100)


def test_every_picture_needs_a_caption() -> None:
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet([[plain(4, 4, RED), plain(4, 4, RED)]], [["one"]])
