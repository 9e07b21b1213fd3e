"""edge-mef models: the table of networks."""

import json

from edge_mef.models import NETWORKS
from tests.conftest import RunCli


def test_every_network_is_listed(run_cli: RunCli) -> None:
    result = run_cli("models")
    assert (result.code, result.err) == (0, "")
    assert all(name in result.out for name in NETWORKS)


def test_json(run_cli: RunCli) -> None:
    result = run_cli("models", "--json")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    assert set(answer) == set(NETWORKS)
    assert answer["ffmef"]["exposures"] == [2, 2]
    assert answer["ffmef"]["tileable"] is False
