"""Which of our own weights the package holds, by network and width."""

from pathlib import Path

import pytest

from edge_mef.models import weights
from edge_mef.models.table import NETWORKS, find_network
from edge_mef.models.weights import own_widths, shipped_weights

FILES = ("ffmef-4", "ffmef-16", "ffmef-edge-8", "ffmef-edge-big", "ffmef-edge-", "edge-2")


def test_widths_are_read_off_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One network's name begins like another's, and must not be taken for it."""
    for name in FILES:
        (tmp_path / f"{name}.safetensors").write_bytes(b"")
    (tmp_path / "ffmef-4.md").write_bytes(b"")
    monkeypatch.setattr(weights, "WEIGHTS_FOLDER", tmp_path)
    assert own_widths(find_network("ffmef")) == (4, 16)
    assert own_widths(find_network("ffmef-edge")) == (8,)
    monkeypatch.setattr(weights, "WEIGHTS_FOLDER", tmp_path / "none")
    assert own_widths(find_network("ffmef")) == ()


@pytest.mark.parametrize("name", NETWORKS)
def test_there_are_weights_of_the_default_width(name: str) -> None:
    row = NETWORKS[name]
    assert row.default_channels in own_widths(row)
    for channels in own_widths(row):
        assert shipped_weights(row.weights.format(channels=channels)).is_file()
