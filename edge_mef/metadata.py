"""What a picture says about itself: EXIF, colour profile, exposure, time, camera.

Only what can be carried into another picture is kept. The orientation has been applied to the
pixels; thumbnails, maker notes and pixel dimensions belong to the original file alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

IMAGE, PHOTO, GPS = 0, 0x8769, 0x8825
"""The three EXIF directories that are kept; the numbers of PHOTO and GPS are their pointer tags."""

ExifTags = Mapping[tuple[int, int], Any]
"""EXIF values by (directory, tag)."""

ORIENTATION = 0x0112
SOFTWARE = (IMAGE, 0x0131)

# Only these of the main directory concern the scene; in a TIFF it also holds the layout.
_IMAGE_TAGS = {
    0x010E,
    0x010F,
    0x0110,
    0x011A,
    0x011B,
    0x0128,
    0x0131,
    0x0132,
    0x013B,
    0x013C,
    0x8298,
}
# Component layout, compression, maker note, subject area and location (not turned with the
# pixels), pixel dimensions, interoperability pointer, sensor pattern, padding.
_PHOTO_DROPPED = {
    0x9101, 0x9102, 0x927C, 0x9214, 0xA214, 0xA002, 0xA003, 0xA005, 0xA302, 0xEA1C, 0xEA1D,
}  # fmt: skip
_LARGEST_VALUE = 4096  # bytes; JPEG gives all EXIF together 64 KB

_EXPOSURE_TIME, _SHUTTER_SPEED = (PHOTO, 0x829A), (PHOTO, 0x9201)
_F_NUMBER, _APERTURE = (PHOTO, 0x829D), (PHOTO, 0x9202)
_ISO = ((PHOTO, 0x8827), (PHOTO, 0x8833), (PHOTO, 0x8832), (PHOTO, 0x8831))
_EXPOSURE_BIAS = (PHOTO, 0x9204)
_TIMES = (
    ((PHOTO, 0x9003), (PHOTO, 0x9291)),
    ((PHOTO, 0x9004), (PHOTO, 0x9292)),
    ((IMAGE, 0x0132), (PHOTO, 0x9290)),
)
_MAKE, _MODEL, _SERIAL = (IMAGE, 0x010F), (IMAGE, 0x0110), (PHOTO, 0xA431)


@dataclass(frozen=True)
class Metadata:
    """What is known of a picture besides its pixels.

    exif: values by (directory, tag), only those that may be written into another picture.
    icc_profile: RGB colour profile, None when there is none (or it is for grey or CMYK).
    exposure: light gathered, relative: seconds x ISO / 100 / f-number²; None without EXIF.
    exposure_bias: exposure compensation in stops. taken: start of the exposure, local time.
    exposure_time: seconds. camera: maker, model and serial number.
    exposure_parts: whether ISO and aperture were known when `exposure` was computed.
    """

    exif: ExifTags = field(default_factory=dict)
    icc_profile: bytes | None = None
    exposure: float | None = None
    exposure_bias: float | None = None
    taken: datetime | None = None
    camera: str | None = None
    exposure_time: float | None = None
    exposure_parts: tuple[bool, bool] = (False, False)


def read_exif(exif: Image.Exif, icc_profile: bytes | None) -> Metadata:
    """Return the metadata of a picture from Pillow's view of it; damaged values are left out."""
    tags = _carried(exif)
    exposure, exposure_parts = _relative_exposure(tags)
    return Metadata(
        exif=tags,
        icc_profile=icc_profile if _is_rgb_profile(icc_profile) else None,
        exposure=exposure,
        exposure_bias=_number(tags.get(_EXPOSURE_BIAS)),
        taken=_taken(tags),
        camera=_camera(tags),
        exposure_time=_exposure_time(tags),
        exposure_parts=exposure_parts,
    )


def read_orientation(exif: Image.Exif) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where it is absent or makes no sense."""
    value = exif.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def encode_exif(tags: ExifTags) -> bytes:
    """Return the tags as an EXIF block for JPEG and PNG; empty where there are no tags."""
    if not tags:
        return b""
    exif = Image.Exif()
    for tag, value in exif_directories(tags).items():
        exif[tag] = value
    return exif.tobytes()


def exif_directories(tags: ExifTags) -> dict[int, Any]:
    """Return the tags nested as Pillow writes them: main tags, and one dict per sub-directory."""
    nested: dict[int, Any] = {}
    for (directory, tag), value in tags.items():
        place = nested if directory == IMAGE else nested.setdefault(directory, {})
        place[tag] = _Latin1(value) if isinstance(value, str) else value
    return nested


class _Latin1(str):
    """Text that is written byte for byte as it was read; Pillow would write '?' beyond ASCII."""

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "replace") -> bytes:
        return str.encode(self, "latin-1", "replace")


def _carried(exif: Image.Exif) -> dict[tuple[int, int], Any]:
    tags = {(IMAGE, tag): exif.get(tag) for tag in _IMAGE_TAGS if tag in exif}
    for directory in (PHOTO, GPS):
        for tag, value in _directory(exif, directory).items():
            if directory == GPS or tag not in _PHOTO_DROPPED:
                tags[directory, tag] = value
    return {key: value for key, value in sorted(tags.items()) if _can_be_written(*key, value)}


def _directory(exif: Image.Exif, directory: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(directory))
    except Exception:  # a damaged directory has no tags; the pixels may well be fine
        return {}


def _can_be_written(directory: int, tag: int, value: Any) -> bool:
    """Try it: Pillow raises many kinds of errors for values that do not fit their tag."""
    if isinstance(value, str | bytes) and len(value) > _LARGEST_VALUE:
        return False
    try:
        written = ImageFileDirectory_v2()
        nested = exif_directories({(directory, tag): value})
        for key, content in nested.items():
            written[key] = content
        return len(written.tobytes(8)) <= 2 * _LARGEST_VALUE
    except Exception:
        return False


def _number(value: Any) -> float | None:
    """Return a finite number, or None; the first one where EXIF holds several."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _exposure_time(tags: ExifTags) -> float | None:
    seconds = _number(tags.get(_EXPOSURE_TIME))
    if seconds is None or seconds <= 0:
        speed = _number(tags.get(_SHUTTER_SPEED))
        seconds = None if speed is None or abs(speed) > 32 else 2.0**-speed
    return seconds


def _relative_exposure(tags: ExifTags) -> tuple[float | None, tuple[bool, bool]]:
    """Return the exposure, and whether ISO and aperture are in it; each counts as 1 without.

    A phone or a manual lens leaves them out of every frame. Frames that know different parts
    cannot be compared, so the parts are told as well.
    """
    seconds, f_number, iso = _exposure_time(tags), _f_number(tags), _iso(tags)
    if seconds is None:
        return None, (False, False)
    exposure = seconds * (iso or 100.0) / 100.0 / (f_number or 1.0) ** 2
    return exposure, (iso is not None, f_number is not None)


def _f_number(tags: ExifTags) -> float | None:
    f_number = _number(tags.get(_F_NUMBER))
    if f_number is not None and f_number > 0:
        return f_number
    aperture = _number(tags.get(_APERTURE))
    return None if aperture is None or abs(aperture) > 32 else 2.0 ** (aperture / 2)


def _iso(tags: ExifTags) -> float | None:
    isos = (_number(tags.get(tag)) for tag in _ISO)
    # 65535 stands for "more than fits here": the true value is in a later tag.
    return next((iso for iso in isos if iso is not None and iso > 0 and iso != 65535), None)


def _taken(tags: ExifTags) -> datetime | None:
    for time_tag, fraction_tag in _TIMES:
        try:
            taken = datetime.strptime(str(tags[time_tag]).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        except (KeyError, ValueError):
            continue
        digits = str(tags.get(fraction_tag, "")).strip("\0 ")
        if digits.isdecimal() and digits.isascii():
            taken += timedelta(seconds=float(f"0.{digits}"))
        return taken
    return None


def _camera(tags: ExifTags) -> str | None:
    words = (str(tags.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL, _SERIAL))
    return " ".join(word for word in words if word) or None


def _is_rgb_profile(profile: bytes | None) -> bool:
    """Bytes 16 to 19 of an ICC header name the colour space of the pixels."""
    return profile is not None and len(profile) >= 128 and profile[16:20] == b"RGB "
