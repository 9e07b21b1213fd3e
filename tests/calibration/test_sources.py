"""Where the brackets come from: folders, manifests, the renderer; and what is none of these."""

from pathlib import Path

import pytest

from edge_mef.calibration.sets import open_calibration_set
from edge_mef.calibration.sources import SceneSource, find_source, printable
from edge_mef.errors import InputError
from edge_mef.saving import write_picture
from tests.calibration.conftest import Brackets


def write_splits(folder: Path, brackets: Brackets, splits: list[str]) -> Path:
    """Write a manifest that gives scene i the split i."""
    folder.mkdir()
    lines = ["file,task,scene,role,order,split"]
    for number, (frames, split) in enumerate(zip(brackets, splits, strict=False)):
        for order, frame in enumerate(frames):
            name = f"{number}-{order}.png"
            write_picture(folder / name, frame)
            lines.append(f"{name},mef,s{number},exposure,{order},{split}")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def names(source: str | Path) -> list[str]:
    found = find_source(source)
    assert isinstance(found, SceneSource)
    return [scene.name for scene in found.scenes]


def test_a_plain_folder_gives_all_its_brackets(folder: Path) -> None:
    assert names(folder) == [f"s{i}" for i in range(12)]
    assert len(find_source(folder).paths) == 36


def test_a_manifest_gives_calib_else_train_and_never_val(
    tmp_path: Path, brackets: Brackets
) -> None:
    both = write_splits(tmp_path / "both", brackets, ["calib", "train", "val", "calib"])
    assert names(both) == names(both / "manifest.csv") == ["s0", "s3"]
    train = write_splits(tmp_path / "train", brackets, ["val", "train", "val", "train"])
    assert names(train) == ["s1", "s3"]
    val = write_splits(tmp_path / "val", brackets, ["val"] * 4)
    with pytest.raises(InputError, match="must stay unseen"):
        find_source(val)


def test_a_manifest_and_a_folder_of_the_same_pictures_are_one_set(
    tmp_path: Path, folder: Path, brackets: Brackets
) -> None:
    listed = write_splits(tmp_path / "listed", brackets, ["calib"] * 12)
    assert (
        open_calibration_set(listed, count=5).digest == open_calibration_set(folder, count=5).digest
    )


def test_rendered_scenes_leave_those_for_validation_out() -> None:
    assert names("rendered:10") == [f"rendered-{i}" for i in range(10) if i % 8 != 1]


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("text")
    for source, words in (
        (tmp_path / "empty", "found none: check the folder"),
        (tmp_path / "none", "there is no folder, manifest or video"),
        (tmp_path / "notes.txt", "expected a folder, a manifest"),
        ("rendered:x", "rendered:COUNT"),
    ):
        with pytest.raises(InputError, match=words):
            find_source(source)


def test_a_picture_is_no_source(folder: Path) -> None:
    with pytest.raises(InputError, match="name the folder of the brackets"):
        find_source(folder / "s0" / "0.png")


def test_names_that_are_no_text_can_be_printed() -> None:
    assert printable("caf\udce9") == "caf\\udce9"
    assert printable("Größe") == "Größe"
