"""The shipped records and the README's table."""

from pathlib import Path

import pytest

from edge_mef.benchmarks.latency.entrants import Size
from edge_mef.benchmarks.record_files import append_history, read_records
from edge_mef.benchmarks.records import MEASURED, Interleaving, Memory, Quality, Record
from edge_mef.benchmarks.results import (
    BEGIN,
    BUNDLES,
    END,
    PEER,
    RESULTS,
    SIZE,
    SWEEP,
    all_tables,
    results_file,
    table,
    with_table,
)
from edge_mef.bundle import load_bundle
from edge_mef.errors import InputError
from tests.benchmarks.made_records import latencies, made_machine, made_record
from tests.conftest import ROOT

TURNS = Interleaving(group="a" * 32, order="shuffled", titles=("ffmef-edge", PEER))


README = ROOT / "README.md"
THERE = ("load.open_ms", "load.first_ms", "memory.host_peak_bytes", "quality")


def record_of(title: str, factor: float, size: Size = SIZE) -> Record:
    return made_record(
        latencies(1) * factor,
        subject={"title": title},
        settings={"interleaved": TURNS, "height": size[0], "width": size[1]},
        memory=Memory(host_peak_bytes=150_000_000),
        quality=Quality(scenes=("a", "b"), values={"MEF_SSIM": 0.98}),
        not_measured={name: "not asked for" for name in MEASURED if name not in THERE},
    )


def test_the_table_names_machine_and_ratio() -> None:
    found = table([record_of("ffmef-edge", 1.0), record_of(PEER, 4.0)])
    assert "Cortex-A78AE, 12 cores, Ubuntu 22.04.5 LTS, onnxruntime 1.20.0, 2 threads" in found
    assert "MEF-SSIM is the mean of 2 scenes" in found
    rows = [line for line in found.splitlines() if line.startswith("| `") or "Mertens |" in line]
    assert "| `ffmef-edge` | 20 ms |" in found
    assert "| 150 MB | 4 (4 to 4) | 0.9800 |" in found
    assert any(row.startswith("| OpenCV's Mertens | 8") for row in rows)


def test_only_the_usual_size_is_in_the_table() -> None:
    found = table([record_of("ffmef-edge", 1.0), record_of("ffmef", 1.0, (480, 640))])
    assert "`ffmef`" not in found
    with pytest.raises(InputError, match="found none: measure with --measure"):
        table([record_of("ffmef", 1.0, (480, 640))])


def test_the_table_goes_between_the_marks() -> None:
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    found = with_table(readme, ["new\n"])
    assert found == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(InputError, match="put them back"):
        with_table("nothing", ["new\n"])


def test_every_machine_has_a_file(tmp_path: Path) -> None:
    machine = made_machine(cpu="Intel(R) Xeon(R) @ 2.0 GHz", usable_cores=2)
    file = results_file(machine, tmp_path)
    assert file.name == "intel-xeon-2-0-ghz-2-cores.jsonl"
    append_history(file, record_of("ffmef-edge", 1.0))
    assert len(all_tables(tmp_path)) == 1
    with pytest.raises(InputError, match="run with --measure"):
        all_tables(tmp_path / "empty")


@pytest.mark.skipif(not README.is_file(), reason="the README is not beside these tests")
def test_the_readme_shows_the_records_that_are_here() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_table(readme, all_tables()) == readme


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.jsonl")), ids=lambda file: str(file.name))
def test_the_records_are_of_the_shipped_bundles(file: Path) -> None:
    records = read_records(file).records
    for name in BUNDLES:
        manifest = load_bundle(name).manifest
        mine = [record for record in records if record.subject.title == name]
        assert mine, f"measure {name} again: python -m edge_mef.benchmarks.results --measure"
        for record in mine:
            known = {name: manifest.files[name].sha256 for name in record.subject.files}
            assert record.subject.files == known, f"{name} has changed since it was measured"
    sizes = {r.settings.height for r in records if r.subject.title in ("ffmef-edge", PEER)}
    assert sizes == {height for height, _ in SWEEP}
