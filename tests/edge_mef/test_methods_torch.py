"""Weight files and the published FFMEF, run in torch and compared with the rest."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from edge_mef.benchmarks.peers.table import PEERS
from edge_mef.data.scenes import Frame
from edge_mef.errors import InputError
from edge_mef.methods import open_methods
from edge_mef.models import create_model
from edge_mef.models.weights import WEIGHTS_FOLDER, write_weights
from tests.conftest import RunCli

OURS = WEIGHTS_FOLDER / "ffmef-4.safetensors"
EDGE = "ffmef-edge"


def test_weights_fuse_as_their_bundle_does(pair: tuple[Frame, Frame]) -> None:
    with ExitStack() as opened:
        found = open_methods(opened, bundles=["ffmef"], weights=[OURS]).found
        assert [(m.name, m.exposures) for m in found] == [("ffmef", (2, 2)), ("ffmef-4", (2, 2))]
        bundle, torch = (method.fuse(*pair).astype(int) for method in found)
        assert np.abs(bundle - torch).max() <= 1


def test_a_file_that_says_its_network_needs_no_model(
    tmp_path: Path, pair: tuple[Frame, Frame]
) -> None:
    said, unsaid = tmp_path / "said.safetensors", tmp_path / "unsaid.safetensors"
    state = create_model(EDGE).state_dict()
    tensors = {name: value.numpy() for name, value in state.items()}
    write_weights(said, tensors, {"network": EDGE})
    write_weights(unsaid, tensors, {})
    with ExitStack() as opened:
        found = open_methods(opened, weights=[OURS, said]).found
        assert [(m.name, m.exposures) for m in found] == [("ffmef-4", (2, 2)), ("said", (2, 9))]
        (named,) = open_methods(opened, weights=[unsaid], model=EDGE).found
        np.testing.assert_array_equal(named.fuse(*pair), found[1].fuse(*pair))
        with pytest.raises(InputError, match="does not hold this network's weights"):
            open_methods(opened, weights=[unsaid])


def test_the_published_peer_says_whose_weights_it_has(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.safetensors"
    theirs.write_bytes(OURS.read_bytes())
    with ExitStack() as opened:
        ours = open_methods(opened, peers=True)
        given = open_methods(opened, peers=True, published=theirs)
        alone = open_methods(opened, published=theirs)
    assert ours.notes == given.notes == []
    assert len(ours.found) == len(given.found) == len(PEERS)
    names = [{m.name for m in methods.found} for methods in (ours, given, alone)]
    assert names[2] == {"FFMEF as published (theirs)"}
    assert names[0] - names[1] == {"FFMEF as published (our weights)"}
    assert names[1] - names[0] == names[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "none"), "no weight file none"),
        (("--weights", "none", "--model", "x"), "no network called 'x'"),
        (("--weights", "a.txt"), "a.txt is not a readable weight file"),
        (("--published", "none"), "no weight file none"),
    ],
)
def test_files_that_are_no_weights(
    run_cli: RunCli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("no weights")
    result = run_cli("evaluate", "--data", "rendered:2", *arguments)
    assert result.code == 2
    assert message in result.sentence
