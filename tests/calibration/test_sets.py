"""Calibration sets: the same pictures give the same set, and it covers what there is."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_mef.calibration import sets
from edge_mef.calibration.features import measure_features
from edge_mef.calibration.preprocessing import Preprocessing
from edge_mef.calibration.selection import choose_diverse, measure_coverage
from edge_mef.calibration.sets import CalibrationSet, open_calibration_set
from edge_mef.calibration.sources import Candidate
from edge_mef.data.scenes import Scene, choose, load_scenes
from edge_mef.errors import InputError, OutputError
from edge_mef.exposures import Frame
from edge_mef.pictures import read_picture
from edge_mef.saving import write_picture
from tests.calibration.conftest import Brackets, write_brackets


def digests(chosen: CalibrationSet) -> list[str]:
    return [scene.digest for scene in chosen.scenes]


def test_frames_are_those_of_the_files(folder: Path, brackets: Brackets) -> None:
    chosen = open_calibration_set(folder, count=5)
    assert chosen.summary == "5 of 12 scenes, 2 exposures, longest side 640"
    assert chosen.notes == ()
    for scene, frames in zip(chosen.scenes, chosen.frames, strict=True):
        dark, _, bright = brackets[int(scene.name[1:])]
        assert np.array_equal(frames[0], dark)
        assert np.array_equal(frames[1], bright)
        assert scene.size == (48, 64)
    assert chosen.record().digest == chosen.digest


def test_names_and_order_do_not_matter(tmp_path: Path, brackets: Brackets) -> None:
    """Mirrored scenes have the features of the others: which one is taken is not by name either."""
    mirrored = [tuple(frame[:, ::-1] for frame in frames) for frames in brackets[:6]]
    scenes = [*brackets[:6], *mirrored]
    first = write_brackets(tmp_path / "first", scenes)
    shuffled = [scenes[i][::-1] for i in np.random.default_rng(2).permutation(len(scenes))]
    other = write_brackets(tmp_path / "other", shuffled, "another name ")
    for count in (4, 7, 12):
        one, again = (open_calibration_set(f, count=count) for f in (first, other))
        assert digests(one) == digests(again)
        assert one.digest == again.digest
        assert one.coverage == again.coverage
        assert [s.name for s in one.scenes] != [s.name for s in again.scenes]
    assert len({scene.features for scene in again.scenes}) == 6


def test_the_digest_knows_pixels_and_settings(folder: Path) -> None:
    def digest(count: int = 12, exposures: int = 2, longest_side: int = 640) -> str:
        return open_calibration_set(
            folder, count=count, exposures=exposures, longest_side=longest_side
        ).digest

    first = digest()
    assert digest() == first
    others = {digest(count=11), digest(exposures=3), digest(longest_side=32), digest(640)}
    assert first in others  # 640 scenes are all that there are
    assert len(others) == 4
    path = folder / "s3" / "0.png"
    pixels = read_picture(path).pixels.copy()
    pixels[20, 20, 2] ^= 1
    write_picture(path, pixels)
    assert digest() != first


def test_more_than_there_are_gives_all_with_a_note(folder: Path) -> None:
    chosen = open_calibration_set(folder)
    assert len(chosen.scenes) == 12
    assert chosen.notes == ("16 scenes were asked for, and all 12 that there are taken",)
    assert chosen.coverage.farthest == 0.0
    assert chosen.coverage.mean_share == 1.0


def test_what_cannot_be_used_is_left_out_and_named(folder: Path, brackets: Brackets) -> None:
    (folder / "s0" / "0.png").write_bytes((folder / "s0" / "0.png").read_bytes()[:-30])
    (folder / "s1" / "0.png").write_bytes(b"text")
    for name in ("0.png", "1.png"):
        (folder / "s2" / name).unlink()
    for name in ("0.png", "1.png"):
        shutil.copy(folder / "s3" / "2.png", folder / "s3" / name)
    shutil.copytree(folder / "s4", folder / "z4")
    write_picture(folder / "s5" / "0.png", brackets[5][0][:40])
    chosen = open_calibration_set(folder, count=4)
    assert chosen.coverage.candidates == 7
    notes = {note.split(": ")[1]: note for note in chosen.notes}
    assert set(notes) == {"s0", "s1", "s2", "s3", "s5", "z4"}
    for name, words in (
        ("s0", "damaged"),
        ("s1", "holds text"),
        ("s2", "found only '2.png'"),
        ("s3", "equally bright"),
        ("s5", "64x40"),
        ("z4", "shows the same as s4"),
    ):
        assert words in notes[name]
        assert notes[name].startswith("left out: ")


def test_too_few_scenes_are_refused_with_the_reason(tmp_path: Path, brackets: Brackets) -> None:
    folder = write_brackets(tmp_path / "few", brackets[:4])
    assert len(open_calibration_set(folder, count=4).scenes) == 4
    (folder / "s2" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"found 3 .*left out: s2: .* is empty"):
        open_calibration_set(folder)
    one = write_brackets(tmp_path / "one", brackets[:1])
    with pytest.raises(InputError, match=r"expected 4 different scenes or more .* found 1: "):
        open_calibration_set(one)
    same = write_brackets(tmp_path / "same", brackets[:1] * 6)
    with pytest.raises(InputError, match=r"found 1 .*as s0, and so do 4 more"):
        open_calibration_set(same)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 3}, "expected 4 scenes or more, found 3"),
        ({"exposures": 1}, "expected 2 exposures of each scene or more, found 1"),
        ({"longest_side": 0}, "expected 16 pixels as the longest side or more, found 0"),
        ({"exposures": 4}, "expected 4 exposures, found 3"),
    ],
)
def test_settings_out_of_range(folder: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_calibration_set(folder, **options)  # type: ignore[arg-type]


def test_outputs_are_checked_before_a_picture_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scene, "read", lambda *_: pytest.fail("decoded"))
    link = folder.parent / "link.png"
    os.link(folder / "s1" / "1.png", link)
    with pytest.raises(OutputError, match="is one of the inputs"):
        open_calibration_set(folder, outputs=[link])
    with pytest.raises(OutputError, match="taken for an exposure the next time"):
        open_calibration_set(folder, outputs=[folder / "s1" / "sheet.jpg"])


def test_a_scene_that_changes_between_the_readings_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = Scene.read, set[str]()

    def changing(scene: Scene, longest_side: int | None = None) -> tuple[Frame, ...]:
        frames = tuple(frame.copy() for frame in real(scene, longest_side))
        if scene.name in seen:
            frames[0][0, 0, 0] ^= 1
        seen.add(scene.name)
        return frames

    monkeypatch.setattr(Scene, "read", changing)
    with pytest.raises(InputError, match="changed while it was read"):
        open_calibration_set(folder, count=4)


def test_only_the_set_and_one_bracket_are_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates are let go of before the next is read: their arrays are collected."""
    import weakref

    alive: list[weakref.ref[Frame]] = []
    most = 0
    real = sets._describe

    def counting(one: Candidate, digest: str) -> sets._Measured:
        nonlocal most
        alive.append(weakref.ref(one.frames[0]))
        most = max(most, sum(ref() is not None for ref in alive))
        return real(one, digest)

    monkeypatch.setattr(sets, "_describe", counting)
    open_calibration_set(folder, count=4)
    assert len(alive) == 12
    assert most <= 2


def test_the_sheet_holds_all_frames(folder: Path) -> None:
    two = open_calibration_set(folder, count=4).sheet()
    three = open_calibration_set(folder, count=4, exposures=3).sheet()
    assert two.shape[1] == three.shape[1]
    assert two.shape[0] == three.shape[0]  # three brackets of two in a row, or two of three


@pytest.mark.shared
def test_it_covers_more_than_random_choices(shared: Path) -> None:
    """Of scenes that nobody trained on, against 500 random selections of the same size."""
    prepare = Preprocessing(longest_side=160).prepare
    scenes = choose(load_scenes(shared / "data"), "calib")
    features = np.array([measure_features(prepare(s.read(160))).values for s in scenes])
    assert len(features) == 13
    ours = measure_coverage(features, choose_diverse(features, 6))
    rng = np.random.default_rng(0)
    picks = [rng.choice(13, 6, replace=False).tolist() for _ in range(500)]
    random = [measure_coverage(features, pick) for pick in picks]
    mean_farthest = np.mean([one.farthest for one in random])
    mean_share = np.mean([one.mean_share for one in random])
    print(f"farthest {ours.farthest:.2f} against {mean_farthest:.2f} at random")
    print(f"covered {ours.mean_share:.2f} against {mean_share:.2f} at random")
    assert ours.farthest < 0.85 * mean_farthest
    assert ours.mean_share > mean_share + 0.1


@pytest.mark.shared
def test_real_pictures_under_other_names_give_the_same_set(shared: Path, tmp_path: Path) -> None:
    scenes = choose(load_scenes(shared / "data"), "calib")[:7]
    for number, scene in enumerate(scenes):
        # The order of the pictures and that of the scenes are turned round.
        for position, path in enumerate(scene.paths):
            _copy(path, tmp_path / "named" / scene.name / path.name)
            _copy(path, tmp_path / "renamed" / f"{9 - number}" / f"{9 - position}{path.suffix}")
    one, other = (
        open_calibration_set(tmp_path / name, count=4, longest_side=160)
        for name in ("named", "renamed")
    )
    assert digests(one) == digests(other)
    assert one.digest == other.digest
    assert {scene.name for scene in one.scenes} <= {scene.name for scene in scenes}


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, to)
