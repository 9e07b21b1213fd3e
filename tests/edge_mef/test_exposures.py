"""A bracket in memory: order, equal sizes, and the EXIF that still holds."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.exposures import (
    exposures_from_arrays,
    merge_metadata,
    order_exposures,
    read_exposures,
)
from edge_mef.metadata import GPS, IMAGE, PHOTO, Metadata
from edge_mef.pictures import Picture, read_metadata, read_picture, write_picture
from edge_mef.version import __version__


def frame(level: int, height: int = 6, width: int = 8) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def save(path: Path, level: int = 0, photo: dict[int, Any] | None = None, **options: Any) -> Path:
    exif = Image.Exif()
    if photo:
        exif[0x010F] = "Maker"
        exif[PHOTO] = photo
    Image.fromarray(frame(level)).save(path, exif=exif.tobytes(), **options)
    return path


def test_any_order_becomes_darkest_first_by_luma(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{level}.png", level) for level in (120, 30, 240)]
    exposures = read_exposures(paths)
    assert [int(one[0, 0, 0]) for one in exposures.frames] == [30, 120, 240]
    assert [path.name for path in exposures.paths] == ["30.png", "120.png", "240.png"]
    assert exposures.ordered_by == "luma"
    assert exposures.size == (6, 8)
    assert exposures.alignment is None


def test_exif_exposure_goes_before_luma(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "a.png", 10, {0x829A: 0.5, 0x8827: 100}),
        save(tmp_path / "b.png", 90, {0x829A: 0.1, 0x8827: 100}),
        save(tmp_path / "c.png", 50, {0x829A: 0.1, 0x8827: 200}),
    ]
    exposures = read_exposures([str(path) for path in paths])
    assert [path.name for path in exposures.paths] == ["b.png", "c.png", "a.png"]
    assert exposures.ordered_by == "exif"


def test_frames_that_know_different_parts_are_not_compared(tmp_path: Path) -> None:
    """1/100 s at ISO 800 is darker here than 1/25 s at an ISO that is not said."""
    under = save(tmp_path / "under.png", 20, {0x829A: 0.01, 0x8827: 800})
    over = save(tmp_path / "over.png", 200, {0x829A: 0.04})
    exposures = read_exposures([over, under])
    assert [path.name for path in exposures.paths] == ["under.png", "over.png"]
    assert exposures.ordered_by == "luma"


@pytest.mark.parametrize("other", [None, {0x829A: 0.5}, {0x829A: 0.501}, {0x9003: "?"}])
def test_luma_decides_where_exif_does_not(tmp_path: Path, other: dict[int, Any] | None) -> None:
    paths = [save(tmp_path / "a.png", 90, {0x829A: 0.5}), save(tmp_path / "b.png", 10, other)]
    exposures = read_exposures(paths)
    assert [path.name for path in exposures.paths] == ["b.png", "a.png"]
    assert exposures.ordered_by == "luma"


@pytest.mark.parametrize("timed", [True, False])
def test_keep_extremes(tmp_path: Path, timed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> Picture:
        read.append(path.name)
        return read_picture(path)

    monkeypatch.setattr("edge_mef.exposures.read_picture", counted)
    paths = [
        save(tmp_path / f"{level}.png", level, {0x829A: level / 100} if timed else None)
        for level in (120, 30, 240, 60)
    ]
    exposures = read_exposures(paths, keep_extremes=True)
    assert [int(one[0, 0, 0]) for one in exposures.frames] == [30, 240]
    assert len(read) == (2 if timed else 4)


def test_align_is_passed_on(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{level}.png", level) for level in (30, 240)]
    alignment = read_exposures(paths, align=True).alignment
    assert alignment is not None
    assert set(alignment.methods) == {"reference", "none"}


def test_one_exposure_or_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found one file"):
        read_exposures([save(tmp_path / "a.png")])
    with pytest.raises(InputError, match="found no files"):
        read_exposures([])


def test_the_same_file_twice(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(path)
    with pytest.raises(InputError, match="same file"):
        read_exposures([path, save(tmp_path / "b.png"), tmp_path / "link.png"])


def test_different_sizes_are_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", frame(1, 6, 8))
    write_picture(tmp_path / "b.png", frame(1, 6, 9))
    write_picture(tmp_path / "c.png", frame(1, 8, 6))
    with pytest.raises(InputError, match=r"a\.png' is 8x6 and '.*b\.png' is 9x6: crop"):
        read_exposures([tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(InputError, match=r"a\.png' is 8x6 and '.*c\.png' is 6x8: .*orientation"):
        read_exposures([tmp_path / "a.png", tmp_path / "c.png"])


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    good, bad = save(tmp_path / "a.png", 1), save(tmp_path / "b.png", 2)
    bad.write_bytes(bad.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"b\.png' is damaged"):
        read_exposures([good, bad])


def test_missing_frame(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no picture '.*none\.png'"):
        read_exposures([save(tmp_path / "a.png", 1), tmp_path / "none.png"])


def test_different_colour_profiles_are_refused(tmp_path: Path) -> None:
    profile = bytes(16) + b"RGB " + bytes(200)
    paths = [save(tmp_path / "a.png", 1, icc_profile=profile), save(tmp_path / "b.png", 2)]
    with pytest.raises(InputError, match="colour profile"):
        read_exposures(paths)


def test_exif_of_the_result(tmp_path: Path) -> None:
    paths = []
    for index, (seconds, bias) in enumerate([(0.5, 2.0), (0.125, 0.0), (0.03125, -2.0)]):
        photo: dict[int, Any] = {0x829A: seconds, 0x9204: bias, 0x829D: 2.0, 0x8827: 100}
        photo |= {0x9003: f"2024:01:01 10:00:0{9 - index}", 0x9291: str(index)}
        paths.append(save(tmp_path / f"{index}.jpg", 99 - index, photo))
    merged = read_exposures(paths).metadata
    write_picture(tmp_path / "fused.jpg", frame(9), like=merged)
    assert read_metadata(tmp_path / "fused.jpg").exif == {
        (IMAGE, 0x010F): "Maker",
        (IMAGE, 0x0131): f"EdgeMEF {__version__}",
        (PHOTO, 0x829D): 2.0,
        (PHOTO, 0x8827): 100,
        (PHOTO, 0x9003): "2024:01:01 10:00:07",
        (PHOTO, 0x9291): "2",
    }
    assert merged.exposure is None
    assert merged.exposure_bias is None
    assert merged.camera == "Maker"


def test_merged_place_and_dates_come_from_the_earliest() -> None:
    late = Metadata(
        exif={(GPS, 2): (1.0, 2.0, 3.0), (IMAGE, 0x0132): "late"}, taken=datetime(2024, 1, 2)
    )
    early = Metadata(
        exif={(GPS, 2): (1.0, 2.0, 4.0), (IMAGE, 0x0132): "early"}, taken=datetime(2024, 1, 1)
    )
    merged = merge_metadata([late, Metadata(), early])
    assert merged.exif[GPS, 2] == (1.0, 2.0, 4.0)
    assert merged.exif[IMAGE, 0x0132] == "early"
    assert merged.taken == datetime(2024, 1, 1)


def test_without_exif_the_result_names_its_software(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{level}.png", level) for level in (30, 240)]
    assert read_exposures(paths).metadata.exif == {(IMAGE, 0x0131): f"EdgeMEF {__version__}"}


def test_order_is_found_from_a_sample() -> None:
    frames = [frame(level, 3000, 2000) for level in (9, 3, 200)]
    assert order_exposures(frames) == [1, 0, 2]
    assert order_exposures([frame(5), frame(5)]) == [0, 1]
    green, blue = frame(0), frame(0)
    green[..., 1], blue[..., 2] = 100, 150
    assert order_exposures([green, blue]) == [1, 0]


def test_arrays() -> None:
    strided = np.full((12, 8, 3), 200, np.uint8)[::2]
    exposures = exposures_from_arrays([strided, frame(5)])
    assert [int(one[0, 0, 0]) for one in exposures.frames] == [5, 200]
    assert all(one.flags.c_contiguous for one in exposures.frames)
    assert exposures.ordered_by == "luma"
    given = exposures_from_arrays([strided, frame(5)], sort=False)
    assert [int(one[0, 0, 0]) for one in given.frames] == [200, 5]
    assert given.ordered_by == "given"


NAN = np.full((6, 8, 3), np.nan)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (frame(1).astype(np.float32), "float32: scale"),
        (NAN, "float64 with NaN"),
        (frame(1).astype(np.uint16), "uint16"),
        (frame(1)[..., 0], r"shape \(6, 8\)"),
        (np.zeros((6, 8, 4), np.uint8), r"shape \(6, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), r"shape \(0, 8, 3\)"),
        ([[1, 2]], "a list"),
        (frame(1, 8, 6), "array 1 is 8x6 and array 2 is 6x8"),
    ],
)
def test_wrong_arrays(wrong: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        exposures_from_arrays([frame(1), wrong])


def test_one_array() -> None:
    with pytest.raises(InputError, match="found one array"):
        exposures_from_arrays([frame(1)])


def test_too_large_frames_are_refused_before_any_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_mef.pictures.MAX_PIXELS", 47)
    paths = [save(tmp_path / f"{level}.png", level) for level in (30, 240)]
    with pytest.raises(FrameTooLargeError):
        read_exposures(paths)
