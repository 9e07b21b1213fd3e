"""Where scenes come from."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.data.scenes import choose, data_files, load_scenes
from edge_mef.errors import InputError
from edge_mef.saving import write_picture

HEADER = "file,task,scene,role,order,split\n"


def _write(path: Path, level: int, size: tuple[int, int] = (20, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, np.full((*size, 3), level, np.uint8))


def test_a_folder_of_subfolders_is_split_every_eighth_for_validation(tmp_path: Path) -> None:
    for index in range(10):
        for level in (200, 50):
            _write(tmp_path / f"s{index}" / f"{level}.png", level)
    scenes = load_scenes(tmp_path)
    assert [scene.name for scene in scenes] == [f"s{i}" for i in range(10)]
    assert [scene.name for scene in choose(scenes, "val")] == ["s1", "s9"]
    frames = scenes[0].read()
    assert [int(frame[0, 0, 0]) for frame in frames] == [50, 200]


def test_a_manifest_gives_order_split_and_leaves_references_out(tmp_path: Path) -> None:
    for name, level in (("a", 200), ("b", 10), ("ref", 90)):
        _write(tmp_path / f"{name}.png", level)
    (tmp_path / "manifest.csv").write_text(
        HEADER + "a.png,mef,one,over,1,val\nb.png,mef,one,under,0,val\n"
        "ref.png,mef,one,reference,2,val\nb.png,ivf,other,ir,0,train\n"
    )
    for place in (tmp_path, tmp_path / "manifest.csv"):
        (scene,) = load_scenes(place)
        assert (scene.name, scene.split) == ("one", "val")
        assert [int(frame[0, 0, 0]) for frame in scene.read()] == [10, 200]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,scene\nx,y\n", "lacks the columns: order, split, task"),
        (HEADER + "gone.png,mef,one,under,0,val\n", "not there"),
        (HEADER + "a.png,mef,one,under,0,val\na.png,mef,one,over,1,train\n", "needs one split"),
        (HEADER + "a.png,mef,one,under,0,test\n", "train, calib or val"),
        (HEADER + "a.png,mef,one,under,0,val\na.png,mef,one,over,1,val\n", "one file twice"),
        (HEADER + "a.png,ivf,one,ir,0,val\n", "no scene of the task 'mef'"),
        (HEADER + "a.png,mef,one,under,0,val\n", "two or more are needed"),
    ],
)
def test_bad_manifests_are_named(tmp_path: Path, text: str, words: str) -> None:
    _write(tmp_path / "a.png", 1)
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        load_scenes(tmp_path)


def test_rendered_scenes_need_no_files() -> None:
    scenes = load_scenes("rendered:10")
    assert len(scenes) == 10
    assert len(choose(scenes, "val")) == 2
    dark, _, bright = scenes[2].read(longest_side=64)
    assert dark.shape == bright.shape == (48, 64, 3)
    assert dark.mean() < bright.mean()
    with pytest.raises(InputError, match="rendered:COUNT"):
        load_scenes("rendered:x")


def test_different_sizes_in_a_scene_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.png", 1)
    _write(tmp_path / "b.png", 2, (20, 31))
    (tmp_path / "manifest.csv").write_text(
        HEADER + "a.png,mef,one,under,0,val\nb.png,mef,one,over,1,val\n"
    )
    with pytest.raises(InputError, match="different sizes"):
        load_scenes(tmp_path)[0].read()


def test_missing_split_is_named() -> None:
    with pytest.raises(InputError, match="'calib'"):
        choose(load_scenes("rendered:3"), "calib")


@pytest.mark.shared
def test_the_research_data_keep_places_apart(shared: Path) -> None:
    scenes = load_scenes(shared / "data")
    names = {split: {s.name for s in choose(scenes, split)} for split in ("train", "calib", "val")}
    assert [len(names[s]) for s in ("train", "calib", "val")] == [99, 13, 16]
    assert not names["train"] & names["val"]


def test_data_files_are_all_that_a_manifest_names(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / f"{name}.png", 1)
    rows = "a.png,mef,one,under,0,val\nb.png,mef,one,over,1,val\nc.png,mef,one,reference,2,val\n"
    (tmp_path / "manifest.csv").write_text(HEADER + rows)
    names = {path.name for path in data_files(tmp_path)}
    assert names == {"manifest.csv", "a.png", "b.png", "c.png"}


def test_data_files_of_a_folder_are_the_frames_of_every_split(tmp_path: Path) -> None:
    for scene in range(3):
        (tmp_path / str(scene)).mkdir()
        for name in "ab":
            _write(tmp_path / str(scene) / f"{name}.png", 1 + ord(name))
    found = [path.relative_to(tmp_path).as_posix() for path in data_files(tmp_path)]
    assert found == ["0/a.png", "0/b.png", "1/a.png", "1/b.png", "2/a.png", "2/b.png"]
