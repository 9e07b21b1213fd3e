"""Folders out of texts: they tell names of people and projects.

Records travel; what a program, an error or a command line says may hold paths of whoever measured.
"""

import re
import shlex
from collections.abc import Sequence

# Every machine has these; below them are sensors and devices, and nobody's name.
_PUBLIC = ("/sys/", "/proc/", "/dev/", "/etc/", "/usr/", "/run/jtop.sock")
_END = r"\s'\"=,;:|<>()"
_ABSOLUTE = re.compile(rf"(?<![\w.~/\\])(?!//)(?:~|\.{{1,2}}|[A-Za-z]:)?[/\\][^{_END}]+")
_QUOTED = re.compile(r"(['\"])((?:~|\.{1,2}|[A-Za-z]:)?[/\\][^'\"\n]+)\1")


def hide_folders(text: str) -> str:
    """Return a text whose absolute paths are only their last part; public ones and URLs stay.

    A path with spaces is one where it stands in quotes.
    """
    unquoted = _QUOTED.sub(lambda found: f"{found[1]}{_last(found[2])}{found[1]}", text)
    return _ABSOLUTE.sub(lambda found: _last(found[0]), unquoted)


def is_private_path(text: str) -> bool:
    """Say whether a whole value is an absolute path that is not a public one."""
    absolute = re.match(r"~|/|\\\\|[A-Za-z]:[/\\]", text) is not None
    return absolute and not text.startswith(_PUBLIC)


def command_text(words: Sequence[str]) -> str:
    """Return a command line as one text for a shell, every path in it only its last part."""
    return shlex.join(_without_folder(word) for word in words)


def _without_folder(word: str) -> str:
    option, equals, value = word.partition("=")
    if equals and option.startswith("-"):
        return f"{option}={_last(value)}"
    return _last(word)


def _last(path: str) -> str:
    if path.startswith(_PUBLIC) or "://" in path:
        return path
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
