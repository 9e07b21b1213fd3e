"""Brackets are paired by exposures and times, whatever a camera loses, repeats or drifts to."""

import math
from itertools import pairwise

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.stream.frames import CameraBracket, CameraFrame, measured_exposure
from edge_mef.stream.pairing import BracketPairing

PIXELS = np.zeros((2, 2, 3), np.uint8)
STOPS = {"d": -2.0, "m": 0.0, "b": 2.0, "?": None, "n": math.nan}
INTERVAL = 1 / 30


def frames(letters: str) -> list[CameraFrame]:
    """A letter is a frame, a dot a frame that was lost; a colon has the one before come twice."""
    found: list[CameraFrame] = []
    place = 0
    for letter in letters:
        if letter == ":":
            found.append(found[-1])
            continue
        if letter != ".":
            found.append(CameraFrame(PIXELS, place, place * INTERVAL, STOPS[letter]))
        place += 1
    return found


def brackets(pairing: BracketPairing, letters: str) -> list[tuple[int, ...]]:
    """The places of the frames of each bracket, darkest first."""
    found = [pairing.add(frame) for frame in frames(letters)]
    return [tuple(f.number for f in bracket.frames) for bracket in found if bracket is not None]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("dbdbdb", [(0, 1), (2, 3), (4, 5)]),
        ("bdbdbd", [(1, 0), (3, 2), (5, 4)]),
        ("d.dbdb", [(2, 3), (4, 5)]),  # a bright one is lost
        ("dbdb.bdb", [(0, 1), (2, 3), (6, 5)]),  # a dark one: the next pair begins bright
        ("db:db", [(0, 1), (2, 3)]),
        ("dbbdb", [(0, 1), (3, 2)]),  # another bright one waits for the next dark one
        ("d:bdb", [(0, 1), (2, 3)]),
        ("ddddb", [(3, 4)]),
        ("d......bdb", [(8, 7)]),  # far apart: no bracket across the gap
        ("d?bnd?b", [(0, 2), (4, 6)]),
        ("dddd", []),
        ("", []),
    ],
)
def test_two_exposures(letters: str, expected: list[tuple[int, ...]]) -> None:
    assert brackets(BracketPairing(), letters) == expected


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("dmbdmb", [(0, 1, 2), (3, 4, 5)]),
        ("d.bdmbdmb", [(3, 4, 2), (6, 7, 5)]),
        ("dm.dmb", [(3, 4, 5)]),
        ("dm:bdmb", [(0, 1, 2), (3, 4, 5)]),
        ("bmd", [(2, 1, 0)]),
        ("dmmmmmb", []),  # the dark one is too old by then
        ("dbdbdb", []),
    ],
)
def test_three_exposures(letters: str, expected: list[tuple[int, ...]]) -> None:
    assert brackets(BracketPairing(3), letters) == expected


def test_a_camera_that_loses_and_repeats_frames_is_never_paired_wrongly() -> None:
    """No bracket has two of one exposure, or frames that are far apart."""
    drawn = np.random.default_rng(0)
    letters = "".join(
        letter if (chance := drawn.random()) > 0.2 else "." if chance > 0.1 else f"{letter}:"
        for letter in "db" * 3000
    )
    found = brackets(BracketPairing(), letters)
    assert len(found) > 2000
    assert all(dark % 2 == 0 and bright % 2 == 1 for dark, bright in found)
    assert max(abs(dark - bright) for dark, bright in found) <= 3
    assert all(max(one) < max(next_) for one, next_ in pairwise(found))


def test_what_became_part_of_nothing_is_counted() -> None:
    pairing = BracketPairing()
    brackets(pairing, "dd?b" + "." * 6 + "d" + "." * 9 + "bd")
    assert pairing.dropped == {"repeated exposure": 1, "no exposure": 1, "too far apart": 1}


def test_overlapping_brackets_make_a_fused_frame_of_every_frame() -> None:
    pairing = BracketPairing(overlap=True)
    assert brackets(pairing, "dbdbd") == [(0, 1), (2, 1), (2, 3), (4, 3)]
    assert pairing.dropped == {}
    pairing = BracketPairing(overlap=True)
    assert brackets(pairing, "dbbd") == [(0, 1), (3, 2)]
    assert pairing.dropped == {}
    assert brackets(BracketPairing(3, overlap=True), "dmbdm") == [(0, 1, 2), (3, 1, 2), (3, 4, 2)]


def test_exposures_that_drift_are_told_apart() -> None:
    """Automatic exposure moves both by two stops; what was bright becomes what was dark."""
    pairing, found = BracketPairing(), []
    for index in range(60):
        exposure = (0.0 if index % 2 else -2.0) - 2.0 * index / 60
        found.append(pairing.add(CameraFrame(PIXELS, index, index * INTERVAL, exposure)))
    assert sum(bracket is not None for bracket in found) == 30


def test_time_that_begins_anew_and_time_that_stands_still() -> None:
    pairing = BracketPairing()
    assert pairing.add(CameraFrame(PIXELS, 0, 100.0, 0.0)) is None
    assert pairing.add(CameraFrame(PIXELS, 1, 1.0, 2.0)) is None
    assert pairing.dropped == {"too far apart": 1}
    assert pairing.add(CameraFrame(PIXELS, 2, 1.0, 0.0)) is not None


def test_the_first_two_frames_may_be_of_different_days() -> None:
    pairing = BracketPairing()
    assert pairing.add(CameraFrame(PIXELS, 1, 0.0, 0.0)) is None
    assert pairing.add(CameraFrame(PIXELS, 2, 3600.0, 2.0)) is None
    assert pairing.add(CameraFrame(PIXELS, 3, 3600.1, 0.0)) is not None


def test_what_is_left_at_the_end_is_counted() -> None:
    pairing = BracketPairing()
    brackets(pairing, "dbd")
    pairing.finish()
    assert pairing.dropped == {"left at the end": 1}


def test_the_longest_time_may_be_stated() -> None:
    slow = frames("d.........b")
    pairing = BracketPairing(longest=1.0)
    assert [pairing.add(frame) is None for frame in slow] == [True, False]


def test_a_bracket_knows_when_it_was_taken() -> None:
    dark, bright = frames("db")
    bracket = CameraBracket((dark, bright))
    assert (bracket.time, bracket.number) == (INTERVAL, 1)
    assert bracket.exposures == (dark.pixels, bright.pixels)


@pytest.mark.parametrize("options", [{"exposures": 1}, {"exposures": 10}, {"step": 0.0}])
def test_values_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        BracketPairing(**options)  # type: ignore[arg-type]


def test_an_exposure_is_measured_where_the_camera_tells_none() -> None:
    grey = np.full((90, 160, 3), 60, np.uint8)
    brighter = np.full((90, 160, 3), round(60 * 2 ** (1 / 2.2)), np.uint8)
    assert measured_exposure(brighter) - measured_exposure(grey) == pytest.approx(1, abs=0.03)
    assert math.isfinite(measured_exposure(np.zeros((1, 1, 3), np.uint8)))
    assert measured_exposure(np.full((5000, 3, 3), 255, np.uint8)) == pytest.approx(0, abs=1e-6)
