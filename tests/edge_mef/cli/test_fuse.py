"""edge-mef fuse on one bracket: what comes out, and what is in it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from edge_mef.exposures import Frame
from edge_mef.fuser import fuse
from edge_mef.metadata import Metadata
from edge_mef.pictures import picture_size, read_metadata, read_picture, write_picture
from tests.conftest import MAIN, RunCli, contents, run_python, write_pair

Pair = tuple[Frame, Frame]
Files = tuple[Path, Path]


def test_it_fuses_what_python_fuses(
    run_cli: RunCli, bracket_files: Files, tmp_path: Path, pair: Pair
) -> None:
    result = run_cli("fuse", *bracket_files, "-o", tmp_path / "fused.png")
    assert (result.code, result.err) == (0, "")
    assert "fused under.png, over.png (darkest first, by brightness)" in result.out
    assert "fused.png: 48x64 in" in result.out
    np.testing.assert_array_equal(read_picture(tmp_path / "fused.png").pixels, fuse(*pair))


def test_the_order_does_not_matter(run_cli: RunCli, bracket_files: Files, tmp_path: Path) -> None:
    for number, files in enumerate((bracket_files, bracket_files[::-1])):
        assert run_cli("fuse", *files, "-o", tmp_path / f"{number}.png").code == 0
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def test_json_says_what_was_done(run_cli: RunCli, bracket_files: Files, tmp_path: Path) -> None:
    output = tmp_path / "fused.png"
    result = run_cli("fuse", *bracket_files, "-o", output, "--json", "--threads", "1")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    assert answer["output"] == str(output)
    assert answer["size"] == [48, 64]
    assert answer["exposures"] == [str(path) for path in bracket_files]
    assert answer["ordered_by"] == "luma"
    assert answer["alignment"] is None
    assert answer["seconds"] >= 0
    assert answer["runtime"]["threads"] == "1"


@pytest.mark.parametrize(
    "chosen",
    [
        ("--bundle", "ffmef-edge"),
        ("--model", "ffmef-edge"),
        ("--runtime", "onnxruntime"),
        ("--threads", 2),
    ],
)
def test_what_may_be_chosen(
    run_cli: RunCli, bracket_files: Files, tmp_path: Path, pair: Pair, chosen: tuple[object, ...]
) -> None:
    assert run_cli("fuse", *bracket_files, "-o", tmp_path / "f.png", *chosen).code == 0
    found = read_picture(tmp_path / "f.png").pixels
    np.testing.assert_allclose(found, fuse(*pair).astype(int), atol=1)


def test_a_bundle_in_a_folder(
    run_cli: RunCli, bracket_files: Files, tmp_path: Path, bundle: Path
) -> None:
    output = tmp_path / "f.png"
    result = run_cli("fuse", *bracket_files, "-o", output, "--bundle", bundle, "--json")
    assert json.loads(result.out)["bundle"] == str(bundle)


def test_align_reports_the_shifts(run_cli: RunCli, bracket_files: Files, tmp_path: Path) -> None:
    plain = run_cli("fuse", *bracket_files, "-o", tmp_path / "f.png", "--align")
    assert plain.code == 0
    assert len(plain.out.splitlines()) > 2
    result = run_cli("fuse", *bracket_files, "-o", tmp_path / "f.png", "--align", "--json")
    assert "\n".join(json.loads(result.out)["alignment"]) in plain.out


def test_extremes_of_three(run_cli: RunCli, tmp_path: Path, pair: Pair) -> None:
    under, over = write_pair(tmp_path, pair)
    write_picture(tmp_path / "middle.png", (pair[0] // 2 + pair[1] // 2).astype(np.uint8))
    files = (tmp_path / "middle.png", over, under)
    result = run_cli("fuse", *files, "-o", tmp_path / "f.png", "--extremes", "--json")
    assert json.loads(result.out)["exposures"] == [str(under), str(over)]


@pytest.mark.parametrize("size", [(1, 1), (3, 5000), (5000, 3), (2, 7)])
def test_odd_sizes(run_cli: RunCli, tmp_path: Path, size: tuple[int, int]) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    files = write_pair(tmp_path, (frame // 5, frame))
    assert run_cli("fuse", *files, "-o", tmp_path / "f.png").code == 0
    assert picture_size(tmp_path / "f.png") == size


def test_sixteen_bits_and_grey_among_rgb(run_cli: RunCli, tmp_path: Path, pair: Pair) -> None:
    under, over = pair
    grey = under[..., 1]
    assert cv2.imwrite(str(tmp_path / "rgb16.png"), over[..., ::-1].astype(np.uint16) * 257)
    assert cv2.imwrite(str(tmp_path / "grey16.tif"), grey.astype(np.uint16) * 257)
    Image.fromarray(grey).save(tmp_path / "grey8.png")
    write_picture(tmp_path / "rgb8.png", over)
    expected = fuse(np.repeat(grey[..., None], 3, axis=2), over)
    for dark, bright in (
        ("grey16.tif", "rgb16.png"),
        ("grey8.png", "rgb16.png"),
        ("grey16.tif", "rgb8.png"),
    ):
        result = run_cli("fuse", tmp_path / bright, tmp_path / dark, "-o", tmp_path / "f.png")
        assert (result.code, result.err) == (0, "")
        np.testing.assert_array_equal(read_picture(tmp_path / "f.png").pixels, expected)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".JPEG"])
def test_profile_and_exif_are_kept(
    run_cli: RunCli, tmp_path: Path, pair: Pair, suffix: str
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, frame, seconds in (("a", pair[0], 0.01), ("b", pair[1], 0.5)):
        exif: Any = Image.Exif()
        exif[0x010F], exif[0x0110] = "Maker", "Model 1"
        exif[0x8769] = {0x829A: seconds, 0x9003: "2024:05:06 07:08:09"}
        Image.fromarray(frame).save(
            tmp_path / f"{name}.jpg", quality=95, exif=exif, icc_profile=profile
        )
    files = (tmp_path / "b.jpg", tmp_path / "a.jpg")
    result = run_cli("fuse", *files, "-o", tmp_path / f"fused{suffix}")
    assert (result.code, result.err) == (0, "")
    assert "fused a.jpg, b.jpg (darkest first, by EXIF exposure)" in result.out
    written = read_metadata(tmp_path / f"fused{suffix}")
    assert picture_size(tmp_path / f"fused{suffix}") == pair[0].shape[:2]
    assert written.icc_profile == profile
    assert written.camera == "Maker Model 1"
    assert written.taken == datetime(2024, 5, 6, 7, 8, 9)
    assert written.exposure is None


def test_the_quality_of_a_jpeg(run_cli: RunCli, bracket_files: Files, tmp_path: Path) -> None:
    for quality in (10, 95):
        output = tmp_path / f"{quality}.jpg"
        assert run_cli("fuse", *bracket_files, "-o", output, "--quality", quality).code == 0
    assert (tmp_path / "10.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size / 2
    assert read_metadata(tmp_path / "95.jpg") != Metadata()  # it names its software


def test_an_older_picture_is_replaced(
    run_cli: RunCli, bracket_files: Files, tmp_path: Path
) -> None:
    (tmp_path / "fused.png").write_bytes(b"old")
    assert run_cli("fuse", *bracket_files, "-o", tmp_path / "fused.png").code == 0
    assert picture_size(tmp_path / "fused.png") == (48, 64)


def test_in_a_process_of_its_own(bracket_files: Files, tmp_path: Path, pair: Pair) -> None:
    before = sorted(contents(tmp_path))
    result = run_python(MAIN, "fuse", *bracket_files, "-o", tmp_path / "fused.png", "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["size"] == [48, 64]
    np.testing.assert_array_equal(read_picture(tmp_path / "fused.png").pixels, fuse(*pair))
    assert sorted(contents(tmp_path)) == sorted([*before, "fused.png"])
