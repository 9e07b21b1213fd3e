"""From files to a report: merging, duplicates, pictures, and what must not be overwritten."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_mef.benchmarks.record_files import append_history, write_record
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.build import gather_records, write_report
from edge_mef.benchmarks.report.pictures import Picture, encode_pictures, fuse_pictures
from edge_mef.benchmarks.subjects import bundle_subject
from edge_mef.bundle import load_bundle
from edge_mef.errors import BundleError, InputError, OutputError
from edge_mef.fuser import Fuser
from edge_mef.pictures import read_picture
from tests.benchmarks.made_records import latencies, made_record
from tests.benchmarks.report.reading import Reader


def shipped(name: str = "ffmef-edge-2", **changes: object) -> Record:
    """A record of what a bundle that comes with us holds."""
    subject = bundle_subject(load_bundle(name), runtime="onnxruntime", artefact="stages")
    return made_record(subject=subject.model_dump() | {
        "proof": subject.proof, "parity": subject.parity} | changes)  # fmt: skip


def test_records_come_from_everywhere_once(tmp_path: Path) -> None:
    one, two, three = (made_record(latencies(i)) for i in range(3))
    folder, history = tmp_path / "folder", tmp_path / "runs.jsonl"
    folder.mkdir()
    write_record(folder / "one.json", one)
    for record in (one, two, three):
        append_history(history, record)
    history.write_bytes(history.read_bytes() + b'{"cut')
    found = gather_records([f"{history}@{three.id[:12]}", folder, history])
    assert found.records == (three, one, two)
    assert len(found.notes) == 1
    assert "was cut off" in found.notes[0]


def test_both_kinds_of_report(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", made_record())
    page = write_report([tmp_path / "a.json"], tmp_path / "r.html", pictures=False)
    assert (page.records, page.groups, page.notes) == (1, 1, ())
    assert page.size == (tmp_path / "r.html").stat().st_size
    assert "slider" not in Reader((tmp_path / "r.html").read_text("utf-8")).values("class")
    write_report([tmp_path], tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text("utf-8").startswith("# Measurements\n")


@pytest.mark.parametrize("given", ["records.md", "folder", "records.md@0"])
def test_inputs_are_not_overwritten(tmp_path: Path, given: str) -> None:
    output = tmp_path / "records.md"
    output.write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "records.json").symlink_to(output)
    with pytest.raises(OutputError, match="is one of the inputs"):
        write_report([tmp_path / given], output)
    assert output.read_text() == "mine"


def test_a_report_may_lie_among_its_records_and_be_replaced(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", made_record())
    for _ in range(2):
        assert write_report([tmp_path], tmp_path / "report.md").records == 1


def test_an_exposure_is_not_overwritten(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", made_record())
    (tmp_path / "x.html").write_text("mine")
    with pytest.raises(OutputError, match="is one of the inputs"):
        write_report([tmp_path / "a.json"], tmp_path / "x.html", exposures=[tmp_path / "x.html"])


def test_pictures_need_a_page(tmp_path: Path, bracket_files: tuple[Path, Path]) -> None:
    write_record(tmp_path / "a.json", made_record())
    for output, pictures in (("r.md", True), ("r.html", False)):
        with pytest.raises(InputError, match="without pictures"):
            write_report([tmp_path / "a.json"], tmp_path / output, exposures=bracket_files,
                         pictures=pictures)  # fmt: skip
    with pytest.raises(InputError, match="expected records, found none"):
        write_report([], tmp_path / "r.html")


def test_the_slider_shows_what_was_measured(
    tmp_path: Path, bracket_files: tuple[Path, Path]
) -> None:
    write_record(tmp_path / "a.json", shipped())
    written = write_report([tmp_path / "a.json"], tmp_path / "r.html", exposures=bracket_files,
                           threads=1)  # fmt: skip
    assert written.notes == ()
    reader = Reader((tmp_path / "r.html").read_text("utf-8"))
    shown = [found for tag, found in reader.elements if tag == "img" and "src" in found]
    assert [found["alt"] for found in shown] == [
        "exposure 1 of 2", "exposure 2 of 2", "OpenCV Mertens", "ffmef-edge-2, fp32, onnxruntime"
    ]  # fmt: skip
    with Fuser.open("ffmef-edge-2", threads=1) as fuser:
        expected = fuser.fuse(*(read_picture(path).pixels for path in bracket_files))
    _, _, data = (shown[3]["src"] or "").partition(",")
    got = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), np.int16)
    assert got.shape == expected.shape
    assert np.abs(got - expected).mean() < 4  # JPEG
    assert reader.count("select") == 2
    assert reader.count("option") == 8


def test_other_files_are_left_out_with_what_differs(pair: tuple[np.ndarray, ...]) -> None:
    files = load_bundle("ffmef-edge-2").manifest.files
    digests = {name: entry.sha256 for name, entry in files.items() if name.endswith(".onnx")}
    name = min(digests)
    changed = shipped(files=digests | {name: "c" * 64})
    (note,) = fuse_pictures([changed], threads=1).notes
    assert f"{name} was measured with SHA-256 cccccccccccc, and that of the bundle" in note
    (note,) = fuse_pictures([shipped(title="mine")], threads=1).notes
    assert "no bundle of that name comes with EdgeMEF: name its folder with --bundle" in note
    (note,) = fuse_pictures([shipped(runtime="tensorrt")], threads=1).notes
    assert "ffmef-edge-2, fp32, tensorrt is left out of the pictures" in note
    found = fuse_pictures([shipped(title="mine")], bundles=[load_bundle("ffmef-edge-2").folder],
                          threads=1)  # fmt: skip
    assert found.notes == ()
    assert [p.title for p in found.pictures][-1] == "mine, fp32, onnxruntime"
    assert found.pictures[-1].pixels.shape == (480, 720, 3)


def test_a_wrong_bundle_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        fuse_pictures([made_record()], bundles=[tmp_path])


def test_pictures_shrink_until_they_fit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3)).astype(np.uint8)
    encoded = encode_pictures([Picture(str(i), noise) for i in range(4)], 2_000_000)
    assert sum(map(len, encoded)) <= 2_000_000
    sizes = {Image.open(io.BytesIO(base64.b64decode(e.partition(",")[2]))).size for e in encoded}
    assert len(sizes) == 1
    assert max(sizes.pop()) in (360, 480, 640)
    small = encode_pictures([Picture("smooth", np.full((1500, 2000, 3), 90, np.uint8))], 10**6)
    assert Image.open(io.BytesIO(base64.b64decode(small[0].partition(",")[2]))).size == (1200, 900)
    assert re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*", small[0])
