"""Bundles: the folders that travel to a device.

A bundle is read whole and checked whole: every file's SHA-256 is compared before anything of it is
used. It is written beside its place and moved there, so a half-written one is never seen.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_mef.errors import BundleError, OutputError
from edge_mef.manifest import ArtefactEntry, FileEntry, Manifest, decode_manifest, encode_manifest
from edge_mef.saving import write_atomically

MANIFEST = "manifest.json"
BUNDLES_FOLDER = Path(__file__).resolve().parent / "bundles"
DEFAULT_BUNDLE = "ffmef-edge"


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    def path_of(self, artefact: ArtefactEntry) -> Path:
        """Return where an artefact's file is."""
        return self.folder / artefact.file


def load_bundle(path: str | Path | None = None) -> Bundle:
    """Open a bundle: a folder, the name of one inside the package, or the default where None.

    Raises:
        BundleError: there is none, it is damaged or incomplete, or it is of a newer schema.
    """
    folder = _locate(path)
    manifest_path = folder / MANIFEST
    try:
        data = manifest_path.read_bytes()
    except OSError as error:
        raise BundleError(f"{manifest_path} cannot be read: {error.strerror or error}") from error
    manifest = decode_manifest(data, str(manifest_path))
    for name, entry in manifest.files.items():
        _check_file(folder / name, entry)
    for artefact in manifest.artefacts:
        if not manifest.files_of(artefact):
            raise _unlisted(manifest_path, artefact.file)
    if manifest.network.weights_file not in manifest.files:
        raise _unlisted(manifest_path, manifest.network.weights_file)
    return Bundle(folder, manifest)


def _unlisted(manifest: Path, file: str) -> BundleError:
    return BundleError(f"{manifest} names a file that it does not list: {file}")


def bundled_names() -> list[str]:
    """Return the names of the bundles inside the package."""
    if not BUNDLES_FOLDER.is_dir():
        return []
    return sorted(p.name for p in BUNDLES_FOLDER.iterdir() if (p / MANIFEST).is_file())


def describe_files(contents: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """Return the manifest's entries for files."""
    return {
        name: FileEntry(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for name, data in contents.items()
    }


def check_bundle_output(folder: Path) -> None:
    """Raise `OutputError` unless a bundle may be written to this place.

    An existing bundle is replaced; any other folder with something in it, or a file, is not, nor
    is a bundle in which somebody keeps other files.
    """
    if folder.is_file():
        raise OutputError(f"'{folder}' is a file: name a folder for the bundle")
    if folder.is_dir() and not _may_be_replaced(folder):
        raise OutputError(
            f"'{folder}' holds something else than one of our bundles: choose another folder"
        )
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"the folder '{parent}' may not be written to: choose another")


def write_bundle(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle whole or not at all; an older bundle in its place is replaced.

    Raises:
        OutputError: the place is taken by something else, or cannot be written.
    """
    check_bundle_output(folder)
    folder = folder.resolve()
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.part")
    try:
        try:
            part.mkdir(parents=True)
            for name, data in contents.items():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(part / name, data)
            write_atomically(part / MANIFEST, encode_manifest(manifest))
            _move_into_place(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise OutputError(f"cannot write the bundle '{folder}': {why}") from error
    return Bundle(folder, manifest)


def rewrite_manifest(bundle: Bundle, manifest: Manifest) -> Bundle:
    """Replace a bundle's manifest; `OutputError` where it cannot be written."""
    write_atomically(bundle.folder / MANIFEST, encode_manifest(manifest))
    return Bundle(bundle.folder, manifest)


def bundled(name: str) -> Path:
    """Return the folder of a bundle inside the package; `BundleError` names those there are."""
    if name not in bundled_names():
        known = ", ".join(bundled_names()) or "none"
        raise BundleError(f"no bundle called '{name}' comes with EdgeMEF; there are: {known}")
    return BUNDLES_FOLDER / name


def _may_be_replaced(folder: Path) -> bool:
    places = list(folder.rglob("*"))
    if not places:
        return True
    names = {p.relative_to(folder).as_posix() for p in places if p.is_symlink() or not p.is_dir()}
    try:
        manifest = decode_manifest((folder / MANIFEST).read_bytes(), MANIFEST)
    except (OSError, BundleError):
        return False
    return names <= {MANIFEST, *manifest.files}


def _move_into_place(part: Path, folder: Path) -> None:
    if not folder.exists():
        part.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.old")
    folder.rename(old)
    try:
        part.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _locate(path: str | Path | None) -> Path:
    if path is None:
        return BUNDLES_FOLDER / DEFAULT_BUNDLE
    folder = Path(path)
    if not folder.exists() and str(path) in bundled_names():
        return BUNDLES_FOLDER / str(path)
    if not (folder / MANIFEST).is_file():
        known = ", ".join(bundled_names()) or "none"
        raise BundleError(
            f"'{path}' is not a bundle (a folder with a {MANIFEST}), nor one of those that come "
            f"with EdgeMEF: {known}"
        )
    return folder


def _check_file(path: Path, entry: FileEntry) -> None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"the bundle's file {path} cannot be read ({error.strerror or error}): copy or export "
            "the bundle again"
        ) from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BundleError(
            f"the bundle's file {path} is damaged (its SHA-256 differs from the manifest's): copy "
            "or export the bundle again"
        )
