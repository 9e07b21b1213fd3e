"""Folders sorted into brackets."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edge_mef.brackets import find_brackets
from edge_mef.errors import InputError
from edge_mef.metadata import PHOTO

START = datetime(2024, 5, 6, 7, 8, 9)


def shoot(
    path: Path,
    after: float | None = None,
    *,
    seconds: float = 0.1,
    bias: float | None = None,
    size: tuple[int, int] = (8, 6),
    camera: str = "Maker",
) -> Path:
    """Save a picture taken `after` seconds; None leaves the time out."""
    exif = Image.Exif()
    exif[0x010F] = camera
    photo: dict[int, Any] = {0x829A: seconds}
    if bias is not None:
        photo[0x9204] = bias
    if after is not None:
        taken = START + timedelta(seconds=after)
        photo[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
        photo[0x9291] = f"{taken.microsecond:06d}"
    exif[PHOTO] = photo
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size).save(path, exif=exif.tobytes())
    return path


def names(folder: Path, **options: Any) -> dict[str, list[str]]:
    brackets = find_brackets(folder, **options)
    assert not brackets.problems
    return {bracket.name: [path.name for path in bracket.paths] for bracket in brackets.found}


def test_subfolders(tmp_path: Path) -> None:
    for name in ("10.jpg", "9.jpg", "11.JPG", ".hidden.jpg", "9.txt"):
        shoot(tmp_path / "tree" / name) if "txt" not in name else (tmp_path / "tree" / name).touch()
    shoot(tmp_path / "house" / "a.png")
    shoot(tmp_path / "house" / "b.tif")
    (tmp_path / "empty").mkdir()
    shoot(tmp_path / ".cache" / "a.png")
    shoot(tmp_path / "fused" / "tree.jpg")
    shoot(tmp_path / "fused" / "house.jpg")
    assert names(tmp_path, exclude=[tmp_path / "fused"]) == {
        "house": ["a.png", "b.tif"],
        "tree": ["9.jpg", "10.jpg", "11.JPG"],
    }


def test_pauses_separate_brackets(tmp_path: Path) -> None:
    for number, after in enumerate([0, 0.5, 1.0, 10, 10.5, 11]):
        shoot(tmp_path / f"IMG_{number}.jpg", after, seconds=0.01 * 2 ** (number % 3))
    assert names(tmp_path) == {
        "IMG_0": ["IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg"],
        "IMG_3": ["IMG_3.jpg", "IMG_4.jpg", "IMG_5.jpg"],
    }
    assert list(names(tmp_path, gap_seconds=30)) == ["IMG_0", "IMG_3"]  # exposures repeat


def test_long_exposures_are_no_pause(tmp_path: Path) -> None:
    for number, (after, seconds) in enumerate([(0, 1), (2, 8), (11, 30)]):
        shoot(tmp_path / f"{number}.jpg", after, seconds=seconds)
    assert names(tmp_path) == {"0": ["0.jpg", "1.jpg", "2.jpg"]}


def test_a_repeated_exposure_starts_a_bracket(tmp_path: Path) -> None:
    for number in range(6):
        shoot(tmp_path / f"{number}.jpg", number * 0.2, seconds=(0.1, 0.025, 0.4)[number % 3])
    assert list(names(tmp_path).values()) == [
        ["0.jpg", "1.jpg", "2.jpg"],
        ["3.jpg", "4.jpg", "5.jpg"],
    ]


def test_a_repeated_bias_starts_a_bracket_though_the_light_changed(tmp_path: Path) -> None:
    for number in range(6):
        bias = (0, -2, 2)[number % 3]
        seconds = 0.1 * 2**bias * (1.3 if number >= 3 else 1)
        shoot(tmp_path / f"{number}.jpg", number * 0.2, seconds=seconds, bias=bias)
    assert [len(files) for files in names(tmp_path).values()] == [3, 3]


def test_manual_brackets_all_have_the_same_bias(tmp_path: Path) -> None:
    for number in range(3):
        shoot(tmp_path / f"{number}.jpg", number * 0.2, seconds=0.1 * 4**number, bias=0)
    assert [len(files) for files in names(tmp_path).values()] == [3]


def test_cameras_sizes_and_kinds_are_kept_apart(tmp_path: Path) -> None:
    for number in range(2):
        seconds = 0.1 * 4**number
        shoot(tmp_path / f"a{number}.jpg", number * 0.2, seconds=seconds)
        shoot(tmp_path / f"b{number}.jpg", number * 0.2, seconds=seconds, camera="Other")
        shoot(tmp_path / f"c{number}.jpg", number * 0.2, seconds=seconds, size=(9, 6))
        shoot(tmp_path / f"a{number}.tif", number * 0.2, seconds=seconds)
    found = names(tmp_path)
    assert found["a0"] == ["a0.jpg", "a1.jpg"]
    assert found["a0-2"] == ["a0.tif", "a1.tif"]
    assert sorted(found) == ["a0", "a0-2", "b0", "c0"]


def test_time_goes_before_the_name(tmp_path: Path) -> None:
    shoot(tmp_path / "b.jpg", 0, seconds=0.1)
    shoot(tmp_path / "a.jpg", 1, seconds=0.4)
    assert names(tmp_path) == {"b": ["b.jpg", "a.jpg"]}


def test_single_and_damaged_pictures_are_problems(tmp_path: Path) -> None:
    shoot(tmp_path / "a.jpg", 0, seconds=0.1)
    shoot(tmp_path / "b.jpg", 1, seconds=0.4)
    shoot(tmp_path / "c.jpg", 100)
    shoot(tmp_path / "no_time.jpg")
    (tmp_path / "text.jpg").write_text("hello")
    shoot(tmp_path / "one" / "x.jpg")
    shoot(tmp_path / "bad" / "x.jpg")
    (tmp_path / "bad" / "y.jpg").touch()
    shoot(tmp_path / "sizes" / "x.jpg")
    shoot(tmp_path / "sizes" / "y.jpg", size=(6, 8))
    brackets = find_brackets(tmp_path)
    assert [bracket.name for bracket in brackets.found] == ["a"]
    problems = dict(brackets.problems)
    assert sorted(problems) == ["bad", "c", "no_time.jpg", "one", "sizes", "text.jpg"]
    assert "is empty" in problems["bad"]
    assert "only 'c.jpg'" in problems["c"]
    assert "no" in problems["no_time.jpg"]
    assert "only 'x.jpg'" in problems["one"]
    assert "8x6 and 6x8" in problems["sizes"] or "6x8 and 8x6" in problems["sizes"]
    assert "text" in problems["text.jpg"]


@pytest.mark.parametrize("count", [2, 9])
def test_a_few_pictures_without_times_are_one_bracket(tmp_path: Path, count: int) -> None:
    for number in range(count):
        shoot(tmp_path / "walk" / f"{number}.png")
    assert list(names(tmp_path / "walk")) == ["walk"]


def test_pictures_without_times_that_are_no_bracket(tmp_path: Path) -> None:
    shoot(tmp_path / "0.png")
    with pytest.raises(InputError, match=r"only '0\.png'.*subfolder"):
        find_brackets(tmp_path)
    shoot(tmp_path / "1.png", size=(9, 9))
    with pytest.raises(InputError, match=r"one size.*subfolder"):
        find_brackets(tmp_path)
    shoot(tmp_path / "1.png")
    for number in range(2, 10):
        shoot(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match=r"10 pictures.*subfolder"):
        find_brackets(tmp_path)
    shoot(tmp_path / "sub" / "0.png")
    shoot(tmp_path / "sub" / "1.png")
    brackets = find_brackets(tmp_path)
    assert [bracket.name for bracket in brackets.found] == ["sub"]
    assert [name for name, _ in brackets.problems] == [tmp_path.name]


def test_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="found none"):
        find_brackets(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        find_brackets(tmp_path / "missing")
    with pytest.raises(InputError, match="no folder"):
        find_brackets(tmp_path / "notes.txt")


def test_an_unreadable_subfolder_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    iterate = Path.iterdir

    def closed(place: Path) -> object:
        if place.name == "two":
            raise PermissionError(13, "Permission denied")
        return iterate(place)

    monkeypatch.setattr(Path, "iterdir", closed)
    result = find_brackets(tmp_path)
    assert [name for name, _ in result.problems] == ["two"]
