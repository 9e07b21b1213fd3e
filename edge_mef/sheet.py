"""Contact sheets: pictures in rows and columns, each with a caption."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Frame = NDArray[np.uint8]

_MARGIN = 12
_CAPTION = 30
_TEXT = 17
_PAPER = (250, 250, 248)
_INK = (30, 30, 34)


def contact_sheet(
    rows: Sequence[Sequence[Frame]], captions: Sequence[Sequence[str]], cell_width: int = 480
) -> Frame:
    """Lay pictures out as a table, each reduced to `cell_width` and captioned.

    Args:
        rows: pictures (H, W, 3) uint8 RGB; rows may differ in length and height.
        captions: one text a picture, shortened to fit.
        cell_width: width of a picture on the sheet in pixels.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    scaled = [[_scaled(frame, cell_width) for frame in row] for row in rows]
    heights = [max(frame.shape[0] for frame in row) for row in scaled]
    columns = max(len(row) for row in scaled)
    width = _MARGIN + columns * (cell_width + _MARGIN)
    height = _MARGIN + sum(h + _CAPTION + _MARGIN for h in heights)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    top = _MARGIN
    for row, texts, row_height in zip(scaled, captions, heights, strict=True):
        for column, (frame, text) in enumerate(zip(row, texts, strict=True)):
            left = _MARGIN + column * (cell_width + _MARGIN)
            sheet.paste(Image.fromarray(frame), (left, top + _CAPTION))
            draw.text((left, top + 4), _fitted(draw, text, font, cell_width), _INK, font)
        top += row_height + _CAPTION + _MARGIN
    return np.asarray(sheet)


def _scaled(frame: Frame, width: int) -> Frame:
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    shrinks = width < frame.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (width, height), interpolation=method), np.uint8)


def _fitted(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    width: int,
) -> str:
    text = " ".join(text.split())  # names of folders may hold line breaks
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."
