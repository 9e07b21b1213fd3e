"""Bundles: found, checked whole, and written whole or not at all."""

import errno
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_mef import bundle as bundle_module
from edge_mef.bundle import (
    DEFAULT_BUNDLE,
    MANIFEST,
    bundled_names,
    check_bundle_output,
    describe_files,
    load_bundle,
    rewrite_manifest,
    write_bundle,
)
from edge_mef.errors import BundleError, OutputError
from edge_mef.manifest import Manifest
from tests.conftest import contents, sign_manifest

FILES = {"model.onnx": b"model", "weights.safetensors": b"weights"}


@pytest.fixture
def manifest() -> Manifest:
    """A manifest for FILES, whose contents no runtime would take."""
    return load_bundle("ffmef").manifest.model_copy(update={"files": describe_files(FILES)})


def test_the_default_bundle_has_a_name() -> None:
    assert DEFAULT_BUNDLE in bundled_names()
    assert load_bundle() == load_bundle(DEFAULT_BUNDLE)


def test_a_folder_is_opened(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    assert loaded == load_bundle(str(bundle))
    assert loaded.manifest == load_bundle("ffmef").manifest
    artefact = loaded.manifest.artefact("onnx")
    assert artefact is not None
    assert loaded.path_of(artefact) == bundle / "model.onnx"


def test_a_folder_comes_before_a_bundle_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DEFAULT_BUNDLE).mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="is not a bundle"):
        load_bundle(DEFAULT_BUNDLE)


@pytest.mark.parametrize("name", ["nonesuch", "", "/", "a\nb", "\0"])
def test_no_such_bundle(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=f"come with EdgeMEF: .*{DEFAULT_BUNDLE}"):
        load_bundle(name)


def test_a_bundle_without_its_own_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "BUNDLES_FOLDER", tmp_path / "none")
    assert bundled_names() == []
    with pytest.raises(BundleError, match="cannot be read"):
        load_bundle()


def test_any_flipped_byte_is_noticed(bundle: Path) -> None:
    rng = random.Random(11)
    for path in sorted(bundle.iterdir()):
        data = path.read_bytes()
        for position in [0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(6))]:
            damaged = bytearray(data)
            damaged[position] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            with pytest.raises(BundleError, match=path.name):
                load_bundle(bundle)
        path.write_bytes(data)
    load_bundle(bundle)


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "golden.npz"])
def test_a_missing_or_cut_file_is_named(bundle: Path, name: str) -> None:
    data = (bundle / name).read_bytes()
    for cut in (b"", data[:-1], data + b"\0"):
        (bundle / name).write_bytes(cut)
        with pytest.raises(BundleError, match=f"{name} is damaged .* again"):
            load_bundle(bundle)
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f"{name} cannot be read .*No such file"):
        load_bundle(bundle)
    (bundle / name).mkdir()
    with pytest.raises(BundleError, match=f"{name} cannot be read"):
        load_bundle(bundle)


def test_a_file_outside_of_the_bundle_is_never_opened(bundle: Path) -> None:
    (bundle.parent / "x").write_bytes(b"secret")
    document = json.loads((bundle / MANIFEST).read_bytes())
    del document["manifest_sha256"]
    document["files"] |= {
        "../x": {"sha256": describe_files({"x": b"secret"})["x"].sha256, "size": 6}
    }
    (bundle / MANIFEST).write_bytes(sign_manifest(document))
    with pytest.raises(BundleError, match=r"'\.\./x' is not the name of a file"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("place", "name"), [("artefact", "../model.onnx"), ("weights", "../weights.safetensors")]
)
def test_every_file_that_is_used_must_be_listed(bundle: Path, place: str, name: str) -> None:
    document = json.loads((bundle / MANIFEST).read_bytes())
    del document["manifest_sha256"]
    if place == "artefact":
        document["artefacts"][0]["file"] = name
    else:
        document["network"]["weights_file"] = name
    (bundle / MANIFEST).write_bytes(sign_manifest(document))
    with pytest.raises(BundleError, match=f"does not list: {name}"):
        load_bundle(bundle)


def test_a_written_bundle_is_read_back(tmp_path: Path, manifest: Manifest) -> None:
    written = write_bundle(tmp_path / "new" / "b", manifest, FILES)
    assert load_bundle(tmp_path / "new" / "b") == written
    assert sorted(contents(tmp_path)) == [f"new/b/{name}" for name in sorted([MANIFEST, *FILES])]


def test_an_older_bundle_is_replaced_whole(
    tmp_path: Path, bundle: Path, manifest: Manifest
) -> None:
    write_bundle(bundle, manifest, FILES)
    assert sorted(contents(tmp_path)) == [f"bundle/{name}" for name in sorted([MANIFEST, *FILES])]
    assert load_bundle(bundle).manifest == manifest


def test_a_new_manifest_for_a_bundle(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    changed = loaded.manifest.model_copy(update={"verification": None})
    assert rewrite_manifest(loaded, changed) == load_bundle(bundle)
    assert load_bundle(bundle).manifest.verification is None


def fill_the_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(_: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stop", "error", "message"),
    [(fill_the_disk, OutputError, "disk is full"), (interrupt, KeyboardInterrupt, "^$")],
)
@pytest.mark.parametrize("older", [True, False])
def test_a_stopped_write_changes_nothing(
    tmp_path: Path,
    bundle: Path,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    stop: Callable[[int], None],
    error: type[BaseException],
    message: str,
    older: bool,
) -> None:
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(error, match=message):
        write_bundle(bundle if older else tmp_path / "new", manifest, FILES)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_failed_move_puts_the_older_bundle_back(
    tmp_path: Path, bundle: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = contents(tmp_path), Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match="Permission denied"):
        write_bundle(bundle, manifest, FILES)
    assert contents(tmp_path) == before


def test_places_that_are_taken(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for free in (bundle, tmp_path / "empty", tmp_path / "new", tmp_path / "new" / "er"):
        check_bundle_output(free)
    with pytest.raises(OutputError, match="is a file"):
        check_bundle_output(tmp_path / "file")
    with pytest.raises(OutputError, match="something else than one of our bundles"):
        check_bundle_output(tmp_path / "full")
    with pytest.raises(OutputError, match="may not be written to"):
        check_bundle_output(tmp_path / "file" / "below")
    foreign = tmp_path / "web"
    foreign.mkdir()
    (foreign / "manifest.json").write_text("{}")
    with pytest.raises(OutputError, match="something else"):
        check_bundle_output(foreign)
    (bundle / "notes.txt").write_text("somebody's")
    with pytest.raises(OutputError, match="something else"):
        check_bundle_output(bundle)


def test_an_unwritable_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=f"'{tmp_path}' may not be written to"):
        check_bundle_output(tmp_path / "new" / "bundle")
