"""Writing one picture: whole or not at all, with the EXIF and colour profile it should carry."""

import errno
import io
import os
import secrets
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from edge_mef.errors import InputError, OutputError
from edge_mef.metadata import Metadata, encode_exif, exif_directories

PARTS = ".edge-mef-*.part"  # files that are being written, or that a killed process left
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")

_DEFLATE_LEVEL = 4  # of 9; level 6 takes twice the time and saves a tenth
_JPEG_LARGEST_EXIF = 65000  # bytes; a segment holds 65533 with its heading
_JPEG_LARGEST_SIDE = 65500  # what libjpeg encodes; the format itself ends at 65535


def check_output(
    path: Path | str,
    *,
    inputs: Sequence[Path | str] = (),
    endings: Sequence[str] = PICTURE_SUFFIXES,
) -> None:
    """Check, before any work is done, that a picture (or a file with other endings) can be written.

    Raises:
        OutputError: the name has no known ending, the folder is missing or may not be written,
            or the path is one of the inputs.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        known = ".png, .jpg or .tif" if endings is PICTURE_SUFFIXES else " or ".join(endings)
        raise OutputError(f"'{path}' has no ending that says how to write it: choose {known}")
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder '{path.parent}' to write to: create it first")
    if path.exists() and not path.is_file():
        raise OutputError(f"'{path}' is not a file that may be replaced: choose another name")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"the folder '{path.parent}' may not be written to: choose another")
    for other in map(Path, inputs):
        if path.exists() and other.exists() and path.samefile(other):
            raise OutputError(f"the output '{path}' is one of the inputs: choose another name")


def write_picture(
    path: Path | str,
    pixels: NDArray[np.uint8],
    *,
    like: Metadata | None = None,
    quality: int = 95,
) -> None:
    """Write a picture whole or not at all; the ending chooses PNG, JPEG (4:4:4) or TIFF (deflate).

    pixels: (H, W, 3) uint8 RGB. like: EXIF and colour profile to write. quality: 1 to 100, JPEG.

    Raises:
        InputError: pixels or quality are not as described, or the format cannot hold them.
        OutputError: the path cannot be written, or the disk is full.
    """
    path = Path(path)
    check_output(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(
            f"expected (H, W, 3) uint8 pixels to write, found {pixels.shape} {pixels.dtype}: "
            "convert them first"
        )
    if not 1 <= quality <= 100:
        raise InputError(f"expected a JPEG quality from 1 to 100, found {quality}: try 95")
    write_atomically(path, _encode(path, pixels, like or Metadata(), quality))


def _encode(path: Path, pixels: NDArray[np.uint8], like: Metadata, quality: int) -> bytes:
    """Encode in memory: a full disk is then noticed by us and not inside an encoder."""
    suffix = path.suffix.lower()
    encoded = io.BytesIO()
    options: dict[str, Any] = {"exif": encode_exif(like.exif), "icc_profile": like.icc_profile}
    if suffix in (".tif", ".tiff"):
        _encode_tiff(encoded, pixels, like)
    elif suffix == ".png":
        Image.fromarray(pixels).save(encoded, "PNG", compress_level=_DEFLATE_LEVEL, **options)
    elif max(pixels.shape) > _JPEG_LARGEST_SIDE:
        raise InputError(f"a JPEG holds {_JPEG_LARGEST_SIDE} pixels a side: write a .png or .tif")
    else:
        options |= {"quality": quality, "subsampling": 0, "exif": _jpeg_exif(like)}
        Image.fromarray(pixels).save(encoded, "JPEG", **options)
    return encoded.getvalue()


def _jpeg_exif(like: Metadata) -> bytes:
    """Encode the EXIF for a JPEG, which holds 64 KiB of it: the longest tags give way."""
    tags = dict(like.exif)
    encoded = encode_exif(tags)
    while len(encoded) > _JPEG_LARGEST_EXIF:
        del tags[max(tags, key=lambda tag: len(str(tags[tag])))]
        encoded = encode_exif(tags)
    return encoded


def _encode_tiff(stream: BinaryIO, pixels: NDArray[np.uint8], like: Metadata) -> None:
    """Write one strip ourselves: to compress, Pillow calls libtiff, which loses the EXIF."""
    height, width, _ = pixels.shape
    strip = _deflate(pixels)
    layout = {256: width, 257: height, 258: (8, 8, 8), 259: 8, 262: 2, 277: 3, 278: height}
    layout |= {273: 0, 279: len(strip), 317: 2}  # Pillow adds to 273 where its directory ends
    tags = ImageFileDirectory_v2()
    tags.tagtype[273] = 4  # LONG
    for tag, value in (layout | exif_directories(like.exif)).items():
        tags[tag] = value
    if like.icc_profile:
        tags.tagtype[34675] = 7  # UNDEFINED
        tags[34675] = like.icc_profile
    tags.save(stream)
    stream.write(strip)


def _deflate(pixels: NDArray[np.uint8]) -> bytes:
    """Compress the pixels as differences of neighbours (TIFF predictor 2)."""
    differences = pixels.copy()
    differences[:, 1:] -= pixels[:, :-1]
    return zlib.compress(differences.data, _DEFLATE_LEVEL)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that at any moment the old or the new one is there, and never a part.

    Raises:
        OutputError: the disk is full, or the folder or file may not be written.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    part = target.with_name(PARTS.replace("*", secrets.token_hex(8)))
    try:
        try:
            with part.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        except BaseException:  # Ctrl-C too
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {_write_problem(error, len(data))}") from error


def _write_problem(error: OSError, size: int) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full ({size} bytes are needed): make room and run it again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder may not be written to: choose another"
    return f"{error.strerror or error}: choose another folder or name"
