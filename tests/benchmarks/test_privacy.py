"""Folders out of texts."""

import pytest

from edge_mef.benchmarks.privacy import command_text, hide_folders, is_private_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /home/ada/secret/a.png: gone", "cannot read a.png: gone"),
        ("cannot read:/home/ada/a.png", "cannot read:a.png"),
        ("~/pictures/a.png", "a.png"),
        ("../ada/a.png and ./b.png", "a.png and b.png"),
        (r"C:\Users\Ada\a.png", "a.png"),
        (r"in \\server\ada\a.png", "in a.png"),
        ("'/home/ada/my pictures/a b.png'", "'a b.png'"),
        ("/home/ada/", "ada"),
        ("no rails in /sys/class/hwmon", "no rails in /sys/class/hwmon"),
        ("12.5 frames/s and/or 1080/1920, 3 / 4", "12.5 frames/s and/or 1080/1920, 3 / 4"),
        ("see https://docs.kernel.org/a/b", "see https://docs.kernel.org/a/b"),
        ("no path", "no path"),
    ],
)
def test_only_the_last_part_stays(text: str, expected: str) -> None:
    assert hide_folders(text) == expected


def test_whole_values() -> None:
    assert is_private_path("/home/ada")
    assert is_private_path("~/x")
    assert is_private_path("D:\\x")
    assert not is_private_path("/dev/nvidia0")
    assert not is_private_path("32x32")


def test_a_command_line() -> None:
    words = ["edge-mef", "bench", "ada/my bundle", "--json=../ada/out.json", "--size", "64x96"]
    assert command_text(words) == "edge-mef bench 'my bundle' --json=out.json --size 64x96"
