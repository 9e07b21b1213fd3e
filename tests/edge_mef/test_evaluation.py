"""Comparing methods: the values, what is left out, and what is refused before any work."""

import csv
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef import evaluation
from edge_mef.data.scenes import Frame, load_scenes
from edge_mef.errors import InputError, OutputError
from edge_mef.evaluation import Evaluation, evaluate_methods
from edge_mef.methods import Method, Methods
from edge_mef.metrics import MEFB_METRICS, evaluate, mean_ranks
from edge_mef.render.brackets import random_bracket
from tests.conftest import write_manifest

FAST = ("MEF_SSIM", "CE")


def mean(*exposures: Frame) -> Frame:
    return np.asarray(np.mean(exposures, axis=0), np.uint8)


def darkest(*exposures: Frame) -> Frame:
    return exposures[0]


def use(monkeypatch: pytest.MonkeyPatch, *methods: Method) -> None:
    """Compare these methods, whatever is asked for."""
    monkeypatch.setattr(evaluation, "open_methods", lambda *_, **__: Methods(list(methods)))


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Method("mean", mean, (2, None)), Method("dark", darkest, (2, 2)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of three exposures, (48, 64)."""
    brackets = {
        name: random_bracket(seed, height=48, width=64, frames=3).exposures
        for seed, name in enumerate(("a", "c"))
    }
    return write_manifest(tmp_path_factory.mktemp("data"), brackets)


@pytest.fixture
def damaged(tmp_path: Path, pair: tuple[Frame, Frame]) -> Path:
    """Three scenes, of which the second has a damaged file."""
    write_manifest(tmp_path, {"a": pair, "b": pair, "c": pair})
    (tmp_path / "b1.png").write_bytes((tmp_path / "b1.png").read_bytes()[:300])
    return tmp_path


@pytest.mark.usefixtures("two")
def test_every_metric_of_every_picture(data: Path) -> None:
    result = evaluate_methods(data)
    assert list(result.values) == ["a", "c"]
    assert (result.metrics, result.failed, result.notes) == (MEFB_METRICS, [], [])
    under, _, over = load_scenes(data)[1].read()
    expected = {
        "mean": evaluate([under, over], mean(under, over)),
        "dark": evaluate([under, over], under),
    }
    assert list(result.values["c"]) == list(expected)
    for method, values in expected.items():
        assert result.values["c"][method] == pytest.approx(values)
    both = [result.values[name]["mean"]["EN"] for name in result.values]
    assert result.means()["mean"]["EN"] == pytest.approx(sum(both) / 2)
    assert result.mean_ranks() == mean_ranks(result.means())
    assert sum(result.mean_ranks().values()) == pytest.approx(3)


@pytest.mark.usefixtures("two")
def test_chosen_metrics_alone_are_measured_and_ranked(data: Path) -> None:
    result = evaluate_methods(data, metrics=["CE", "SD"])
    assert {row[2] for row in result.rows()} == {"CE", "SD"}
    means = result.means()
    by_hand = {
        "mean": 1.0 + (means["mean"]["CE"] > means["dark"]["CE"]) / 2
        + (means["mean"]["SD"] < means["dark"]["SD"]) / 2,
    }  # fmt: skip
    assert result.mean_ranks() == by_hand | {"dark": 3.0 - by_hand["mean"]}


@pytest.mark.usefixtures("two")
def test_a_damaged_scene_is_left_out_and_the_rest_kept(damaged: Path) -> None:
    result = evaluate_methods(damaged, metrics=FAST)
    assert list(result.values) == ["a", "c"]
    assert [name for name, _ in result.failed] == ["b"]
    assert "b1.png" in result.failed[0][1]


def test_a_scene_that_one_method_refuses_is_left_out_for_all(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    calls: list[int] = []

    def picky(*exposures: Frame) -> Frame:
        calls.append(len(exposures))
        if len(calls) == 1:
            raise InputError("not this one")
        return exposures[0]

    use(monkeypatch, Method("mean", mean, (2, None)), Method("picky", picky, (2, 2)))
    result = evaluate_methods(data, metrics=FAST)
    assert list(result.values) == ["c"]
    assert list(result.values["c"]) == ["mean", "picky"]
    assert result.failed == [("a", "not this one")]


def test_all_exposures_where_a_method_takes_them(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    counts: dict[str, set[int]] = {"any": set(), "two": set()}

    def counting(name: str) -> Callable[..., Frame]:
        def fuse(*exposures: Frame) -> Frame:
            counts[name].add(len(exposures))
            return exposures[-1]

        return fuse

    use(
        monkeypatch,
        Method("any", counting("any"), (2, None)),
        Method("two", counting("two"), (2, 2)),
    )
    result = evaluate_methods(data, metrics=FAST, all_exposures=True)
    assert counts == {"any": {3}, "two": {2}}
    frames = load_scenes(data)[0].read()
    for method in counts:  # both by the same measure
        expected = evaluate(frames, frames[-1], FAST)
        assert result.values["a"][method] == pytest.approx(expected)
    assert result.notes == [
        "two fused only the darkest and the brightest exposure of 2 of the scenes"
    ]


def test_a_method_for_more_exposures_asks_for_all(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    use(monkeypatch, Method("three", mean, (3, 5)))
    with pytest.raises(InputError, match=r"three fuses 3 exposures or more.*--all-exposures"):
        evaluate_methods(data)
    result = evaluate_methods(data, metrics=FAST, all_exposures=True)
    assert (list(result.values), result.notes) == (["a", "c"], [])


@pytest.mark.usefixtures("two")
def test_nothing_is_left(data: Path, tmp_path: Path) -> None:
    result = evaluate_methods(data, longest_side=40, sheet=tmp_path / "sheet.png")
    assert result.sheet is None
    assert (result.values, result.means(), result.mean_ranks()) == ({}, {}, {})
    assert "MEF_SSIM, found 40x30" in result.failed[0][1]


@pytest.mark.usefixtures("two")
def test_progress_counts_pictures(data: Path) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate_methods(data, metrics=FAST, progress=lambda *what: told.append(what))
    assert [done for _, done, _ in told] == [0, 0, 1, 2, 2, 3]
    assert {total for _, _, total in told} == {4}
    assert told[2][0] == "a: dark"


@pytest.mark.usefixtures("two")
def test_the_sheet_has_a_row_per_scene(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path
) -> None:
    seen: list[Any] = []

    def sheet(rows: Any, captions: Any) -> Frame:
        seen.extend(captions)
        assert [len(row) for row in rows] == [4, 4]
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(evaluation, "contact_sheet", sheet)
    result = evaluate_methods(data, metrics=["CE", "MEF_SSIM"], sheet=tmp_path / "s.png")
    assert result.sheet is not None
    index = result.values["c"]["dark"]["MEF_SSIM"]
    assert seen[1][0] == "c: under"
    assert seen[1][3] == f"dark: {index:.4f}"
    seen.clear()
    evaluate_methods(data, metrics=["CE", "EN"], sheet=tmp_path / "s.png")
    value = evaluate_methods(data, metrics=["CE"])
    assert seen[0][2] == f"mean: {value.values['a']['mean']['CE']:.4f}"
    assert list(tmp_path.iterdir()) == []  # writing is for who asked


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"metrics": ["EN", "NICE"]}, InputError, "found 'NICE'"),
        ({"metrics": ["SSIM"]}, InputError, "found 'SSIM'"),
        ({"metrics": []}, InputError, "found no name"),
        ({"split": "test"}, InputError, "train, calib or val, found 'test'"),
        ({"csv": "values.txt"}, OutputError, r"ending that says how to write it: choose \.csv"),
        ({"csv": "none/values.csv"}, OutputError, "no folder"),
        ({"csv": "manifest.csv"}, OutputError, "one of the inputs"),
        ({"sheet": "sheet.csv"}, OutputError, "choose .png"),
        ({"sheet": "c0.png"}, OutputError, "one of the inputs"),
    ],
)
def test_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
    damaged: Path,
    options: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    monkeypatch.chdir(damaged)
    monkeypatch.setattr(evaluation, "open_methods", lambda *_, **__: pytest.fail("work was done"))
    for name in ("csv", "sheet"):
        if name in options:
            options = options | {name: Path(options[name])}
    for data in (damaged, damaged / "manifest.csv"):
        with pytest.raises(error, match=words):
            evaluate_methods(data, **options)


def test_an_interrupt_closes_what_is_open(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    closed: list[bool] = []

    def interrupt(*_: Frame) -> Frame:
        raise KeyboardInterrupt

    def opening(opened: ExitStack, **_: object) -> Methods:
        opened.callback(closed.append, True)
        return Methods([Method("slow", interrupt, (2, 2))])

    monkeypatch.setattr(evaluation, "open_methods", opening)
    with pytest.raises(KeyboardInterrupt):
        evaluate_methods(data)
    assert closed == [True]


def test_the_table_for_programs_keeps_every_digit() -> None:
    values = {"PSNR": float("inf"), "EN": 0.1 + 0.2}
    result = Evaluation(("PSNR", "EN"), {"a, b\udce9": {"ours": values}})
    data = result.to_csv()
    assert b"\r" not in data
    rows = list(csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"))))
    assert rows[0] == ["scene", "method", "metric", "value"]
    assert rows[1] == ["a, b\udce9", "ours", "PSNR", "inf"]
    assert float(rows[2][3]) == values["EN"]
