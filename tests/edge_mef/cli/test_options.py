"""Options that are text: sizes and kernel sizes."""

import pytest

from edge_mef.cli.options import parse_kernels, parse_size
from edge_mef.errors import InputError


@pytest.mark.parametrize(
    ("text", "size"), [("1080x1920", (1080, 1920)), ("1x1", (1, 1)), ("dynamic", None)]
)
def test_sizes(text: str, size: tuple[int, int] | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "5", "5x", "x5", "-1x5", "5x5x5", "5X5", "5 x 5", "1.5x2", "1234567x1", "5x5\n"]
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(InputError, match="expected a size such as 1080x1920"):
        parse_size(text)


def test_kernels() -> None:
    assert parse_kernels(None) is None
    assert parse_kernels("1, 3,5") == (1, 3, 5)


@pytest.mark.parametrize("text", ["", "1,,3", "a", "-1", "1;3", "²"])
def test_no_kernels(text: str) -> None:
    with pytest.raises(InputError, match="expected kernel sizes such as 1,3,5"):
        parse_kernels(text)
