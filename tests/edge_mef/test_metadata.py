"""What a picture says about itself, and what of it is carried on."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from edge_mef.metadata import IMAGE, PHOTO, Metadata
from edge_mef.pictures import picture_size, read_metadata, read_picture, write_picture

PIXELS = np.zeros((4, 4, 3), np.uint8)
TAGS: dict[tuple[int, int], Any] = {
    (IMAGE, 0x010F): "Maker",
    (IMAGE, 0x0110): "Model 1",
    (PHOTO, 0x829A): IFDRational(1, 60),
    (PHOTO, 0x829D): IFDRational(28, 10),
    (PHOTO, 0x8827): 200,
    (PHOTO, 0x9003): "2024:05:06 07:08:09",
    (PHOTO, 0x9204): IFDRational(-2, 1),
    (PHOTO, 0x9291): "25",
}


def exif_with(tags: dict[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif


def test_metadata(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", PIXELS, like=Metadata(exif=TAGS))
    metadata = read_metadata(tmp_path / "a.jpg")
    assert metadata.exposure == pytest.approx(1 / 60 * 2 / 2.8**2)
    assert metadata.exposure_time == pytest.approx(1 / 60)
    assert metadata.exposure_bias == -2
    assert metadata.taken == datetime(2024, 5, 6, 7, 8, 9, 250_000)
    assert metadata.camera == "Maker Model 1"
    assert metadata.icc_profile is None


@pytest.mark.parametrize(
    ("photo", "exposure"),
    [
        ({}, None),
        ({0x8827: 100, 0x829D: 2.0}, None),  # ISO and aperture do not say how long
        ({0x829A: 0.5}, 0.5),
        ({0x829A: 0.5, 0x829D: 0.0}, 0.5),  # a manual lens
        ({0x829A: IFDRational(1, 0)}, None),
        ({0x9201: 3.0, 0x9202: 2.0}, 0.125 / 4),  # APEX
        ({0x829A: 0.5, 0x8827: 65535, 0x8832: 102400}, 512.0),
        ({0x829A: 0.5, 0x8827: (400, 0)}, 2.0),
    ],
)
def test_exposure(tmp_path: Path, photo: dict[int, Any], exposure: float | None) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg", exif=exif_with({PHOTO: photo}))
    found = read_metadata(tmp_path / "a.jpg").exposure
    assert found == (None if exposure is None else pytest.approx(exposure))


def test_what_belongs_to_the_file_alone_is_not_carried(tmp_path: Path) -> None:
    photo = {0x927C: b"maker" * 99, 0xA002: 9, 0xA003: 9, 0x9286: b"x" * 9999, 0x829A: 0.5}
    exif = exif_with({0x0112: 6, 0x0100: 9, 0x010F: "Maker", PHOTO: photo})
    Image.new("RGB", (4, 2)).save(tmp_path / "a.jpg", exif=exif)
    metadata = read_metadata(tmp_path / "a.jpg")
    assert set(metadata.exif) == {(IMAGE, 0x010F), (PHOTO, 0x829A)}
    write_picture(tmp_path / "b.jpg", read_picture(tmp_path / "a.jpg").pixels, like=metadata)
    assert picture_size(tmp_path / "b.jpg") == (4, 2)


def test_damaged_exif_does_not_hide_the_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (4, 2)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_picture(tmp_path / "a.jpg").pixels.shape == (2, 4, 3)


def test_grey_profile_is_left_out(tmp_path: Path) -> None:
    grey = bytes(16) + b"GRAY" + bytes(200)
    Image.new("L", (3, 3)).save(tmp_path / "a.png", icc_profile=grey)
    assert read_metadata(tmp_path / "a.png").icc_profile is None
