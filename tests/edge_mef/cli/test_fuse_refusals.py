"""edge-mef fuse on what it cannot fuse: one sentence, exit code 2, and nothing half-written."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_mef import exposures, memory
from edge_mef.exposures import Frame
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from edge_mef.saving import write_picture
from tests.conftest import MAIN, Result, RunCli, contents, run_python, write_pair

Files = tuple[Path, Path]
Refused = Callable[..., str]


@pytest.fixture
def refused(run_cli: RunCli, tmp_path: Path) -> Refused:
    """Run `edge-mef fuse`; return its error after checking that nothing was left behind."""

    def run(*arguments: object, code: int = 2) -> str:
        before = contents(tmp_path)
        result = run_cli("fuse", *arguments)
        assert result.code == code
        assert contents(tmp_path) == before
        return result.sentence

    return run


def test_a_missing_file(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    missing = tmp_path / "none.png"
    for files in ((missing, bracket_files[0]), (bracket_files[0], missing)):
        assert f"there is no picture '{missing}'" in refused(*files, "-o", tmp_path / "f.png")
    assert "no picture" in refused(tmp_path / "nofolder", "-o", tmp_path / "f.png", *bracket_files)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_truncated_file(
    refused: Refused, tmp_path: Path, pair: tuple[Frame, Frame], suffix: str
) -> None:
    files = write_pair(tmp_path, pair, suffix)
    data = files[1].read_bytes()
    for length in (len(data) // 2, len(data) - 40, 20):
        files[1].write_bytes(data[:length])
        sentence = refused(*files, "-o", tmp_path / f"f{suffix}")
        assert f"'{files[1]}' is damaged" in sentence
    files[1].write_bytes(b"")
    assert "is empty" in refused(*files, "-o", tmp_path / "f.png")


def test_a_text_file_named_jpg(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("under and over\n")
    sentence = refused(bracket_files[0], tmp_path / "notes.jpg", "-o", tmp_path / "f.png")
    assert "holds text: convert it" in sentence


def test_another_count(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    output = tmp_path / "f.png"
    assert "found one file: add the others" in refused(bracket_files[0], "-o", output)
    third = tmp_path / "third.png"
    third.write_bytes(bracket_files[0].read_bytes())
    sentence = refused(*bracket_files, third, "-o", output, "--bundle", "ffmef")
    assert "fuses 2 exposures, found 3" in sentence
    assert "--extremes" in sentence
    assert "same file" in refused(bracket_files[0], bracket_files[0], "-o", output)


def test_a_folder_among_files(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    sentence = refused(*bracket_files[:1], bracket_files[0].parent, "-o", tmp_path / "f.png")
    assert "is a folder: name the files in it" in sentence


def test_different_sizes(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    write_picture(tmp_path / "small.png", np.zeros((47, 64, 3), np.uint8))
    sentence = refused(bracket_files[0], tmp_path / "small.png", "-o", tmp_path / "f.png")
    assert "is 64x48 and" in sentence
    assert "is 64x47: crop" in sentence


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bundle", "nonesuch"), "'nonesuch' is not a bundle"),
        (
            ("--model", "nonesuch"),
            "no bundle called 'nonesuch' comes with EdgeMEF; there are: ffmef",
        ),
        (("--bundle", "ffmef", "--model", "ffmef"), "either --bundle or --model"),
        (
            ("--runtime", "nonesuch"),
            "no runtime called 'nonesuch'; known are: coreml, mil, onnxruntime",
        ),
        (("--threads", "100000000"), "threads, found 100000000"),
        (("--max-memory", "inf"), "finite number for --max-memory"),
        (("--max-memory", "nan"), "--max-memory"),
        (("--max-memory", "1e300"), "finite number for --max-memory"),
        (("--suffix", ".png"), "--suffix is for folders"),
        (("--max-memory", "0"), "0 MiB are allowed"),
        (("--gap", "inf"), "finite number for --gap"),
        (("--gap", "nan"), "--gap"),
    ],
)
def test_unknown_names_and_numbers(
    refused: Refused,
    bracket_files: Files,
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert message in refused(*bracket_files, "-o", tmp_path / "f.png", *arguments)


def test_places_that_cannot_be_written(
    refused: Refused, bracket_files: Files, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    for output, message in (
        ("none/f.png", "there is no folder"),
        ("file/f.png", "there is no folder"),
        ("folder.png", "not a file that may be replaced"),
        ("f.bmp", "no ending that says how to write it: choose .png"),
        ("f", "no ending"),
        ("f" * 300 + ".png", "File name too long"),
    ):
        assert message in refused(*bracket_files, "-o", tmp_path / output)


def test_the_output_is_an_input(refused: Refused, bracket_files: Files, tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(bracket_files[1])
    for output in (*bracket_files, tmp_path / "link.png"):
        assert "is one of the inputs" in refused(*bracket_files, "-o", output)


def test_an_unwritable_folder(
    refused: Refused, bracket_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    sentence = refused(*bracket_files, "-o", tmp_path / "f.png")
    assert f"'{tmp_path}' may not be written to" in sentence


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(
    refused: Refused,
    bracket_files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    (tmp_path / "f.png").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    assert "the disk is full" in refused(*bracket_files, "-o", tmp_path / "f.png")


def test_a_disk_that_is_really_full(bracket_files: Files, tmp_path: Path) -> None:
    """A limit on the length of files stands for the disk; Python is told as by a full one."""
    resource = pytest.importorskip("resource", reason="POSIX limits files, other systems do not")
    assert resource.RLIMIT_FSIZE is not None
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1000, 1000))\n"
    before = contents(tmp_path)
    result = run_python(limit + MAIN, "fuse", *bracket_files, "-o", tmp_path / "f.png")
    assert result.code == 2
    assert "the disk is full" in result.sentence
    assert contents(tmp_path) == before


def test_an_interrupt(
    refused: Refused, bracket_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(OnnxRuntime, "run", interrupt)
    assert refused(*bracket_files, "-o", tmp_path / "f.png", code=130) == "error: interrupted"


def test_too_little_memory(
    refused: Refused, bracket_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(OnnxRuntime, "run", fail)
    assert "memory is not enough" in refused(*bracket_files, "-o", tmp_path / "f.png")


@pytest.mark.parametrize("limit", [("--max-memory", "1.5"), ()])
def test_a_large_frame_is_refused_before_it_is_decoded(
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: tuple[str, ...],
) -> None:
    def decode(path: object) -> None:
        raise AssertionError(f"{path} was decoded")

    monkeypatch.setattr(exposures, "read_picture", decode)
    monkeypatch.setattr(memory, "available_bytes", lambda: int(1.5 * 2**30))
    files = tmp_path / "a.png", tmp_path / "b.png"
    for path in files:
        Image.new("1", (12000, 9000)).save(path)
    sentence = refused(*files, "-o", tmp_path / "f.png", "--bundle", "ffmef", *limit)
    assert "9000x12000 with ffmef needs about 102.1 GiB" in sentence
    assert f"1.5 GiB are {'allowed' if limit else 'available'}" in sentence


@pytest.mark.parametrize(
    "name", ["manifest.json", "model.onnx", "weights.safetensors", "golden.npz"]
)
def test_a_damaged_bundle(
    refused: Refused, bracket_files: Files, tmp_path: Path, bundle: Path, name: str
) -> None:
    rng = random.Random(name)
    data = (bundle / name).read_bytes()
    for position in (0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(4))):
        damaged = bytearray(data)
        damaged[position] ^= 1 << rng.randrange(8)
        (bundle / name).write_bytes(damaged)
        assert name in refused(*bracket_files, "-o", tmp_path / "f.png", "--bundle", bundle)
    (bundle / name).unlink()
    assert name in refused(*bracket_files, "-o", tmp_path / "f.png", "--bundle", bundle)


def test_a_bundle_from_the_future(
    refused: Refused, bracket_files: Files, tmp_path: Path, bundle: Path
) -> None:
    manifest = bundle / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    sentence = refused(*bracket_files, "-o", tmp_path / "f.png", "--bundle", bundle)
    assert "upgrade with pip install -U edge-mef" in sentence


def test_a_name_that_is_no_unicode(bracket_files: Files, tmp_path: Path) -> None:
    """Such names are legal on Linux, and must not keep a finished picture from being reported."""
    odd = tmp_path / os.fsdecode(b"\xff.png")
    try:
        odd.write_bytes(bracket_files[1].read_bytes())
    except OSError:
        pytest.skip("this file system takes only names that are Unicode")
    result: Result = run_python(MAIN, "fuse", bracket_files[0], odd, "-o", tmp_path / "f.png")
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "f.png").is_file()
