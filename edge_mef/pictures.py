"""One picture on disk: JPEG, PNG or TIFF in, uint8 RGB out, and back.

Pillow decodes everything, because it notices a truncated file where OpenCV returns a half grey
picture. Of 16-bit colour it keeps the high bytes only, so such a file is decoded a second time for
the low ones.
"""

import io
import os
import stat
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from edge_mef.errors import EdgeMefError, FrameTooLargeError, InputError
from edge_mef.metadata import Metadata, read_exif, read_orientation
from edge_mef.saving import PICTURE_SUFFIXES, check_output, write_atomically, write_picture

__all__ = [
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "Metadata",
    "Picture",
    "check_output",
    "picture_size",
    "read_metadata",
    "read_picture",
    "turn_upright",
    "write_atomically",
    "write_picture",
]

MAX_PIXELS = 2**28
"""Largest picture that is read: 268 megapixels, 768 MiB as RGB."""

_Format = Literal["JPEG", "PNG", "TIFF"]
_MAGIC: dict[bytes, _Format] = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_PLUGINS: dict[_Format, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
}
# The warning filters are the whole process's, so that only one thread may change them at a time.
_quiet_lock = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A picture in memory.

    pixels: (H, W, 3) uint8 RGB, contiguous, upright (EXIF orientation applied, alpha dropped).
    metadata: EXIF and colour profile that another picture may carry on.
    """

    pixels: NDArray[np.uint8]
    metadata: Metadata
    path: Path


@dataclass(frozen=True)
class _Header:
    image: ImageFile.ImageFile
    format: _Format
    size: tuple[int, int]  # (height, width), upright
    bits: int
    white_is_zero: bool
    metadata: Metadata


def read_picture(path: Path | str) -> Picture:
    """Read one JPEG, PNG or TIFF of 8 or 16 bits per channel.

    16 bits become 8 by round(v / 257); grey becomes three equal channels; alpha is dropped.

    Raises:
        InputError: there is no such file, or it is empty, damaged, or of another kind.
        FrameTooLargeError: it has more than MAX_PIXELS pixels.
    """
    path = Path(path)
    with _reading(path) as stream:
        data = stream.read()
        header = _read_header(io.BytesIO(data), path)
        if header.format == "PNG":
            PngImageFile(io.BytesIO(data)).verify()  # decoding alone does not compare checksums
        _load(header)
        pixels = _rgb(header, path)
        if header.bits == 16 and header.image.mode in ("RGB", "RGBA"):
            pixels = _rounded(pixels, _low_bytes(io.BytesIO(data), path))
        # Pillow turns a TIFF while loading, and then forgets its orientation; the others not.
        pixels = turn_upright(pixels, read_orientation(_exif(header.image)))
    return Picture(np.ascontiguousarray(pixels), header.metadata, path)


def picture_size(path: Path | str) -> tuple[int, int]:
    """Return the upright (height, width) from the file's header, decoding no pixels.

    Raises InputError and FrameTooLargeError as read_picture does, as far as the header shows it.
    """
    with _reading(Path(path)) as stream:
        return _read_header(stream, Path(path)).size


def read_metadata(path: Path | str) -> Metadata:
    """Return EXIF, colour profile, exposure and time from the file's header, decoding no pixels.

    Raises InputError and FrameTooLargeError as read_picture does, as far as the header shows it.
    """
    with _reading(Path(path)) as stream:
        return _read_header(stream, Path(path)).metadata


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return the stored pixels (H, W, ...) as EXIF orientation 1 to 8 says they are to be seen."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file and turn whatever goes wrong with it into one InputError."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"expected a picture, but '{path}' is a folder: name the files in it")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(
                f"expected a picture, but '{path}' is not a regular file: copy it first"
            )
        if status.st_size == 0:
            raise InputError(f"expected a picture, but '{path}' is empty: copy it again")
        with path.open("rb") as stream:
            yield stream
    except EdgeMefError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"there is no picture '{path}': check the name and the folder") from None
    except PermissionError as error:
        raise InputError(f"'{path}' may not be read: check its permissions") from error
    except MemoryError as error:
        raise FrameTooLargeError(
            f"'{path}' does not fit into memory: use smaller frames"
        ) from error
    except Exception as error:  # decoders raise nearly everything for a damaged file
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"'{path}' is damaged or of an unusual kind ({reason}): copy it again, "
            "or save it as an 8-bit PNG"
        ) from error


def _read_header(stream: BinaryIO, path: Path) -> _Header:
    start = stream.read(26)
    kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if kind is None:
        raise InputError(
            f"expected a JPEG, PNG or TIFF, but '{path}' holds {_describe(start)}: "
            "convert it to one of these"
        )
    with _quietly():
        tags = _single_page_tags(stream, path) if kind == "TIFF" else None
        stream.seek(0)
        image = _PLUGINS[kind](stream)  # not Image.open: it refuses large pictures
        if kind == "PNG" and "exif" not in image.info:
            image.info["exif"] = _exif_after_pixels(stream)
        exif = _exif(image)
        metadata = read_exif(exif, image.info.get("icc_profile"))
        width, height = image.size if tags is None else (int(tags[256]), int(tags[257]))
        bits = start[24] if kind == "PNG" else _bits(tags)
        white_is_zero = tags is not None and tags.get(262) == 0
    size = (width, height) if read_orientation(exif) >= 5 else (height, width)
    _check_size(size, path)
    return _Header(image, kind, size, bits, white_is_zero, metadata)


def _load(header: _Header) -> None:
    """Decode the pixels; a TIFF reads its EXIF again on the way, with the warnings."""
    with _quietly() if header.format == "TIFF" else nullcontext():
        header.image.load()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Pillow from warning about odd metadata, which is ours to judge."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _describe(start: bytes) -> str:
    """Name what a file that is no picture of ours begins with."""
    known = {b"GIF8": "a GIF", b"BM": "a BMP", b"\xff\x4f": "a JPEG 2000", b"%PDF": "a PDF"}
    for magic, name in known.items():
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP"
    if start[4:8] == b"ftyp":
        return "a HEIC, AVIF, camera raw or video"
    printable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in start)
    return "text" if printable == len(start) else "something else"


def _check_size(size: tuple[int, int], path: Path) -> None:
    height, width = size
    if min(size) < 1:
        raise InputError(
            f"'{path}' is {width}x{height} pixels, which holds no picture: copy it again"
        )
    if height * width > MAX_PIXELS:
        raise FrameTooLargeError(
            f"'{path}' is {width}x{height} pixels, but at most {MAX_PIXELS // 10**6} megapixels "
            "are read: make it smaller"
        )


def _exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF of an opened file; none where it is damaged, as the pixels may be fine."""
    try:
        return Image.Image.getexif(image)  # the PNG plugin's own would decode the pixels first
    except Exception:
        return Image.Exif()


def _exif_after_pixels(stream: BinaryIO) -> bytes | None:
    """Return a PNG's eXIf chunk, which may follow the pixels; skips from chunk to chunk."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return stream.read(length)
        stream.seek(length + 4, os.SEEK_CUR)
    return None


def _single_page_tags(stream: BinaryIO, path: Path) -> ImageFileDirectory_v2:
    """Return the tags of a TIFF after checking that it is one picture of integers."""
    stream.seek(0)
    head = stream.read(16)
    tags = ImageFileDirectory_v2(head if 43 in head[2:4] else head[:8])
    start = tags.next
    stream.seek(start)
    tags.load(stream)
    if tags.next == start:  # Pillow leaves it there when the file ends inside of the directory
        raise InputError(f"'{path}' is damaged (its header is cut off): copy it again")
    if 50706 in tags or head[8:10] == b"CR" or int(tags.get(254, 0)) & 1:
        raise InputError(f"'{path}' is a camera raw file: develop it to TIFF, PNG or JPEG first")
    if 3 in _all(tags.get(339, 1)):
        raise InputError(f"'{path}' holds floating-point values: save it with 8 or 16 bits")
    if 2 in _all(tags.get(339, 1)):
        raise InputError(f"'{path}' holds signed values: save it with 8 or 16 bits, unsigned")
    if _bits(tags) > 16:
        raise InputError(f"'{path}' holds {_bits(tags)}-bit values: save it with 8 or 16 bits")
    if _bits(tags) == 16 and tags.get(284, 1) == 2 and tags.get(277, 1) > 1:
        raise InputError(f"'{path}' is a 16-bit TIFF in planes: save its channels interleaved")
    _check_single_page(stream, tags.next, path)
    return tags


def _check_single_page(stream: BinaryIO, offset: int, path: Path) -> None:
    """Further pages may only be previews or masks (bits 0 and 2 of NewSubfileType)."""
    for _ in range(8):
        if offset == 0:
            return
        stream.seek(0)
        head = stream.read(16)
        page = ImageFileDirectory_v2(head if 43 in head[2:4] else head[:8])
        stream.seek(offset)
        page.load(stream)
        if not int(page.get(254, 0)) & 5:
            break
        offset = page.next
    raise InputError(f"'{path}' holds several pictures: save each page as a file of its own")


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _bits(tags: ImageFileDirectory_v2 | None) -> int:
    return 8 if tags is None else int(max(_all(tags.get(258, 1))))


def _rgb(header: _Header, path: Path) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 of a loaded image; of 16-bit colour the high bytes."""
    image = header.image
    if header.bits == 16 and image.mode.startswith("I"):
        values = np.asarray(image).astype(np.uint16)
        values = 65535 - values if header.white_is_zero else values
        grey = _rounded((values >> 8).astype(np.uint8), (values & 255).astype(np.uint8))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode not in (
        "1",
        "L",
        "LA",
        "La",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "RGBa",
        "RGBX",
        "CMYK",
        "YCbCr",
    ):
        raise InputError(f"'{path}' holds pixels of kind {image.mode}: save it as RGB or grey")
    image.info.pop("transparency", None)  # dropped like all alpha, and Pillow warns about some
    straight: Image.Image = image
    if image.mode in ("La", "RGBa"):  # premultiplied
        straight = image.convert(image.mode.upper())
    return np.asarray(straight.convert("RGB"))


def _low_bytes(stream: BinaryIO, path: Path) -> NDArray[np.uint8] | None:
    """Decode 16-bit colour in the other byte order, which makes Pillow keep the low bytes.

    Returns (H, W, 3) uint8, or None for the rare layouts that Pillow has in one order only, and
    for premultiplied colour, where the high and low bytes do not add up.
    """
    header = _read_header(stream, path)
    image: Any = header.image
    native, foreign = (";16L", ";16B") if sys.byteorder == "little" else (";16B", ";16L")
    swap = {";16B": ";16L", ";16L": ";16B", ";16N": foreign, native: foreign}
    tiles = []
    for tile in image.tile:
        raw_mode, *rest = _all(tile[3])
        if raw_mode[-4:] not in swap or raw_mode.startswith("RGBa"):
            return None
        raw_mode = raw_mode[:-4] + swap[raw_mode[-4:]]
        args = (raw_mode, *rest) if rest else raw_mode
        tiles.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))
    image.tile = tiles
    try:
        _load(header)
    except ValueError:
        return None
    return _rgb(header, path)


def _rounded(high: NDArray[np.uint8], low: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Return round(v / 257) of v = 256 high + low, which is high + (low - high) / 257, rounded."""
    if low is None:
        return high
    difference = low.astype(np.int16) - high
    return (high + (difference > 128) - (difference < -128)).astype(np.uint8)
