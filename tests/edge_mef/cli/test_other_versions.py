"""Bundles of other versions are refused in one sentence, and left as they are.

What `edge-mef export` says of one in its place is in test_export_refusals.
"""

from pathlib import Path

import pytest

from tests.conftest import RunCli, contents
from tests.edge_mef.cli.other_versions import OTHER_VERSIONS, rewrite


@pytest.mark.parametrize("command", ["fuse", "verify", "inspect", "advise"])
@pytest.mark.parametrize("version", OTHER_VERSIONS)
def test_it_is_refused(
    run_cli: RunCli,
    tmp_path: Path,
    bundle: Path,
    bracket_files: tuple[Path, Path],
    version: str,
    command: str,
) -> None:
    change, message = OTHER_VERSIONS[version]
    rewrite(bundle, change)
    before = contents(tmp_path)
    arguments: dict[str, tuple[object, ...]] = {
        "fuse": (*bracket_files, "-o", tmp_path / "fused.png", "--bundle", bundle),
        "verify": (bundle,),
        "inspect": (bundle, "--json"),
        "advise": ("--bundle", bundle),
    }
    result = run_cli(command, *arguments[command])
    assert result.code == 2
    assert message in result.sentence
    assert "manifest.json" in result.sentence
    assert contents(tmp_path) == before


def test_the_same_changes_without_a_change_are_taken(run_cli: RunCli, bundle: Path) -> None:
    """It is the version that is refused, not how the manifest was written."""
    rewrite(bundle, lambda _: None)
    assert run_cli("inspect", bundle).code == 0
