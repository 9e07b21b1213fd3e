"""Exports are slow: each kind is made once for all tests."""

from pathlib import Path

import pytest

from edge_mef.bundle import Bundle
from edge_mef.export.build import ExportSettings, export_bundle


@pytest.fixture(scope="session")
def fp32_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Our ffmef, any size, fp32; not to be changed."""
    return export_bundle(tmp_path_factory.mktemp("fp32") / "bundle", ExportSettings(model="ffmef"))


@pytest.fixture(scope="session")
def fp16_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Our ffmef, any size, fp16; not to be changed."""
    settings = ExportSettings(model="ffmef", precision="fp16")
    return export_bundle(tmp_path_factory.mktemp("fp16") / "bundle", settings)


@pytest.fixture(scope="session")
def fixed_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Our ffmef for 48x64 only, rounding as the authors do; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("fixed") / "bundle"
    settings = ExportSettings(model="ffmef", size=(48, 64), rounding="truncate")
    return export_bundle(folder, settings)
