"""Pictures for a report: records hold none, so they are fused when it is written.

A bundle's picture is only shown beside a record where every file that ran is the same, by its
SHA-256. What cannot be shown is left out, and a sentence says why.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge_mef.benchmarks.peers.table import open_peer
from edge_mef.benchmarks.records import Record, Subject
from edge_mef.bundle import Bundle, bundled_names, load_bundle
from edge_mef.errors import EdgeMefError
from edge_mef.exposures import Exposures, read_exposures
from edge_mef.fuser import Fuser
from edge_mef.manifest import STAGES
from edge_mef.render.brackets import demo_bracket
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not

Frame = NDArray[np.uint8]

RENDERED = (480, 720)  # height, width
_QUALITY = 90
_SIDES = (1200, 1000, 800, 640, 480, 360)


@dataclass(frozen=True)
class Picture:
    """One picture, (H, W, 3) uint8 RGB, and what it is called."""

    title: str
    pixels: Frame


@dataclass(frozen=True)
class Pictures:
    """The exposures, Mertens, and every subject that could be run; notes on the others.

    source: what was fused, for a caption.
    """

    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]
    source: str


def fuse_pictures(
    records: Sequence[Record],
    *,
    exposures: Sequence[Path | str] = (),
    bundles: Sequence[Path | str] = (),
    threads: int | None = None,
) -> Pictures:
    """Fuse the same exposures with everything that was measured and is here.

    Args:
        exposures: 2 or more pictures of a scene; a rendered room where there are none.
        bundles: folders to look for subjects in, besides the bundles that come with EdgeMEF.
        threads: CPU threads; None for all.

    Raises:
        InputError: the exposures cannot be read.
        BundleError: a folder of `bundles` is no bundle.
    """
    given = [load_bundle(folder) for folder in bundles]
    if exposures:
        bracket = read_exposures(exposures)
        source = f"{len(exposures)} exposures that were given"
    else:
        bracket = Exposures(demo_bracket(*RENDERED).exposures)
        source = "a rendered bracket"
    height, width = bracket.size
    count = len(bracket.frames)
    found = [Picture(f"exposure {i} of {count}", f) for i, f in enumerate(bracket.frames, start=1)]
    notes: list[str] = []
    try:
        found.append(Picture("OpenCV Mertens", open_peer("mertens")(*bracket.frames)))
    except cv2.error as error:  # in practice memory, of which it takes more than we do
        notes.append(f"OpenCV Mertens is left out of the pictures: {error}")
    for name, subject in _bundle_subjects(records):
        try:
            found.append(Picture(name, _fuse(subject, bracket, given, threads)))
        except EdgeMefError as error:
            notes.append(f"{name} is left out of the pictures: {error}")
    return Pictures(tuple(found), tuple(notes), f"{source}, {height}x{width}")


def _bundle_subjects(records: Sequence[Record]) -> list[tuple[str, Subject]]:
    """Return what ran, each once, by a name that no other has."""
    unique: dict[tuple[object, ...], Subject] = {}
    for record in records:
        subject = record.subject
        if subject.kind == "bundle":
            files = tuple(sorted(subject.files.items()))
            unique.setdefault((subject.title, subject.runtime, subject.artefact, files), subject)
    found: dict[str, Subject] = {}
    for subject in unique.values():
        name, number = f"{subject.title}, {subject.precision}, {subject.runtime}", 2
        while name in found:
            name, number = f"{name.partition(' #')[0]} #{number}", number + 1
        found[name] = subject
    return list(found.items())


def _fuse(
    subject: Subject, bracket: Exposures, given: Sequence[Bundle], threads: int | None
) -> Frame:
    """Run the very files of a record; `EdgeMefError` says what differs or is missing."""
    bundle = _find_bundle(subject, given)
    row = RUNTIMES.get(subject.runtime)
    if row is None:
        raise EdgeMefError(f"there is no runtime called '{subject.runtime}' in this version")
    problem = why_not(row)
    if problem is not None:
        raise EdgeMefError(problem)
    whole = subject.artefact != STAGES
    runtime = open_runtime(bundle, subject.runtime, threads, whole=whole)
    with Fuser(bundle, runtime) as fuser:
        if runtime.artefact != subject.artefact:
            raise EdgeMefError(
                f"'{subject.artefact}' was measured, and '{runtime.artefact}' is what runs here"
            )
        return fuser.fuse_exposures(bracket)


def _find_bundle(subject: Subject, given: Sequence[Bundle]) -> Bundle:
    candidates = list(given)
    if subject.title in bundled_names():
        candidates.append(load_bundle(subject.title))
    if not candidates:
        raise EdgeMefError(
            "no bundle of that name comes with EdgeMEF: name its folder with --bundle"
        )
    differences = [_difference(subject, bundle) for bundle in candidates]
    if None in differences:
        return candidates[differences.index(None)]
    # Of several that do not fit, the one that is called the same is most likely meant.
    named = [b.manifest.name == subject.title for b in candidates]
    index = named.index(True) if True in named else len(candidates) - 1
    raise EdgeMefError(
        f"{differences[index]}: name the folder of the bundle that was measured with --bundle"
    )


def _difference(subject: Subject, bundle: Bundle) -> str | None:
    for name, digest in subject.files.items():
        entry, folder = bundle.manifest.files.get(name), bundle.folder.name
        if entry is None:
            return f"the bundle '{folder}' has no {name}, which was measured"
        if entry.sha256 != digest:
            return (
                f"{name} was measured with SHA-256 {digest[:12]}, and that of the bundle "
                f"'{folder}' is {entry.sha256[:12]}"
            )
    return None


def encode_pictures(pictures: Sequence[Picture], most: int) -> list[str]:
    """Return the pictures as data URIs, all reduced alike until they have at most so many bytes."""
    for side in _SIDES:
        encoded = [_data_uri(picture.pixels, side) for picture in pictures]
        if sum(map(len, encoded)) <= most:
            break
    return encoded


def _data_uri(pixels: Frame, side: int) -> str:
    height, width = pixels.shape[:2]
    if max(height, width) > side:
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
