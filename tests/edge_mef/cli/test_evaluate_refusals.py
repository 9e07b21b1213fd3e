"""edge-mef evaluate on data that is none; and two methods of one name."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunCli

COLUMNS = "file,task,scene,role,order,split\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nonesuch", "there is no folder 'nonesuch'"),
        ("rendered:1", "expected 'rendered:COUNT' with 2 scenes or more"),
        ("rendered:²", "expected 'rendered:COUNT'"),
        ("rendered:99999999", "expected 'rendered:COUNT'"),
    ],
)
def test_no_such_data(run_cli: RunCli, data: str, message: str) -> None:
    result = run_cli("evaluate", "--data", data)
    assert result.code == 2
    assert message in result.sentence


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "lacks the columns"),
        (b"file,task\n", "lacks the columns: order, scene, split"),
        (b"\xff\xfe\x00\x81", "cannot be read as a table"),
        (f"{COLUMNS}a.png,mef,s,x,first,val\n".encode(), "whole numbers as order, found 'first'"),
        (f"{COLUMNS}a.png,mef,s\n".encode(), "whole numbers as order, found ''"),
        (f"{COLUMNS}a.png,mef,s,x,1,val\n".encode(), "names a file that is not there"),
        (f"{COLUMNS}a.png,ivf,s,x,1,val\n".encode(), "lists no scene of the task 'mef'"),
    ],
)
def test_a_manifest_that_is_none(
    run_cli: RunCli, tmp_path: Path, table: bytes, message: str
) -> None:
    (tmp_path / "manifest.csv").write_bytes(table)
    result = run_cli("evaluate", "--data", tmp_path)
    assert result.code == 2
    assert message in result.sentence


def test_names_that_make_no_sense(run_cli: RunCli, tmp_path: Path) -> None:
    for arguments, message in (
        (("--split", "best"), "expected the split train, calib or val, found 'best'"),
        (("--bundle", "nonesuch"), "'nonesuch' is not a bundle"),
        (("--weights", "none", "--model", "x"), "no network called 'x'"),
        (("--model", "x"), "no bundle called 'x' comes with EdgeMEF"),
        (("--model", "ffmef", "--bundle", "ffmef"), "leave it out beside --bundle"),
        (("--bundle", "ffmef", "--longest-side", "9"), "64"),
        (("--metrics", "NICE"), "found 'NICE'; known are: EN, FMI"),
        (("--metrics", ","), "found no name"),
        (("--csv", str(tmp_path / "values.txt")), "choose .csv"),
        (("--sheet", str(tmp_path / "sheet.bmp")), "no ending"),
    ):
        result = run_cli("evaluate", "--data", "rendered:2", *arguments)
        assert result.code == 2
        assert message in result.sentence


def test_two_bundles_of_one_name_are_both_shown(run_cli: RunCli, bundle: Path) -> None:
    namesake = bundle.parent / "mine" / "ffmef"
    namesake.parent.mkdir()
    bundle.rename(namesake)
    result = run_cli(
        *("evaluate", "--data", "rendered:2", "--longest-side", "64", "--json"),
        *("--metrics", "EN"),
        *("--bundle", "ffmef", "--bundle", namesake),
    )
    assert (result.code, result.err) == (0, "")
    methods = json.loads(result.out)["methods"]
    assert [one["method"] for one in methods] == ["ffmef", "mine/ffmef"]
