"""The contract: which frames a bundle takes, and the message for the others."""

import pytest

from edge_mef.contract import FusionContract
from edge_mef.errors import InputError


def test_inputs_are_numbered_darkest_first() -> None:
    assert FusionContract(3).inputs == ("exposure_0", "exposure_1", "exposure_2")


@pytest.mark.parametrize(
    ("contract", "text"),
    [
        (FusionContract(2), "any size"),
        (FusionContract(2, multiple=8), "sizes divisible by 8"),
        (FusionContract(2, 1080, 1920), "1080x1920"),
    ],
)
def test_size_text(contract: FusionContract, text: str) -> None:
    assert contract.size_text == text


@pytest.mark.parametrize(
    ("contract", "frames"),
    [
        (FusionContract(2), (2, 1, 1)),
        (FusionContract(2), (2, 3, 5000)),
        (FusionContract(3, multiple=8), (3, 8, 16)),
        (FusionContract(2, 108, 192), (2, 108, 192)),
    ],
)
def test_what_fits(contract: FusionContract, frames: tuple[int, int, int]) -> None:
    contract.check(*frames)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_count(count: int) -> None:
    with pytest.raises(InputError, match=f"fuses 2 exposures, found {count}: .*--extremes"):
        FusionContract(2).check(count, 8, 8)


@pytest.mark.parametrize(
    ("contract", "size", "taken"),
    [
        (FusionContract(2, 108, 192), (192, 108), "108x192"),
        (FusionContract(2, 108, 192), (108, 193), "108x192"),
        (FusionContract(2, multiple=8), (8, 12), "divisible by 8"),
        (FusionContract(2, multiple=8), (12, 8), "divisible by 8"),
    ],
)
def test_another_size(contract: FusionContract, size: tuple[int, int], taken: str) -> None:
    with pytest.raises(InputError, match=f"{taken}, found {size[0]}x{size[1]}: resize"):
        contract.check(2, *size)


RANGE = FusionContract(2, fewest=2, most=9)


@pytest.mark.parametrize(
    ("contract", "counts", "text"),
    [
        (FusionContract(2), (2, 2), "2"),
        (RANGE, (2, 9), "2 to 9"),
        (FusionContract(3, fewest=2, most=9), (2, 9), "2 to 9"),
        (FusionContract(3, fewest=3, most=3), (3, 3), "3"),
    ],
)
def test_numbers_of_exposures(contract: FusionContract, counts: tuple[int, int], text: str) -> None:
    assert (contract.counts, contract.count_text) == (counts, text)
    for count in range(counts[0], counts[1] + 1):
        contract.check(count, 7, 9)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_numbers_out_of_a_range(count: int) -> None:
    with pytest.raises(InputError, match=f"fuses 2 to 9 exposures, found {count}: ") as raised:
        RANGE.check(count, 7, 9)
    assert "\n" not in str(raised.value)


def test_inputs_are_those_of_the_pipeline_in_one_piece() -> None:
    assert len(FusionContract(3, fewest=2, most=9).inputs) == 3
