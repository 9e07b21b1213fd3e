"""What another machine is asked to do, as one line for its `sh`: find edge-mef, unpack, measure.

The line holds no newline and only single quotes around the whole, so that every login shell hands
it on to `sh` unchanged (fish and csh too). It uses nothing that BusyBox lacks.
"""

import shlex
from collections.abc import Sequence

# Records come line by line, each as soon as there is one: what was sent cannot be lost.
_TALK = ("--talk", "--no-history")
PATIENCE = 15  # seconds from SIGTERM to SIGKILL there


def remote_script(
    folders: Sequence[str],
    arguments: Sequence[str],
    *,
    mark: str,
    size: int,
    python: str | None = None,
) -> str:
    """Return the command for ssh.

    It tells its steps on stdout, each on a line that begins with the mark, and says on stderr when
    it has begun and when it measures. It reads a tar archive from stdin, and ends what it started
    when stdin ends. Its temporary folder is removed in any case.

    Args:
        folders: of the bundles in the archive, relative.
        arguments: for `edge-mef bench`, quoted here.
        mark: a word that nothing else prints.
        size: of the archive, in bytes.
        python: whose edge_mef runs; without it `edge-mef` is looked for.
    """
    words = [*(f"./{folder}" for folder in folders), *arguments, *_TALK]
    lines = [
        # A broken connection must not end the script before it has cleaned up.
        *("exec 3<&0 </dev/null", "trap '' PIPE", "umask 077"),
        f"say() {{ printf '\\n{mark} %s\\n' \"$*\"; }}",
        f"echo '{mark} begun' >&2",
        'say system "$(uname -s)"',
        f"{_find(python)} || {{ say missing; exit 3; }}",
        'say version "$said"',
        *_unpack(size),
        *_measure(shlex.join(words), mark),
    ]
    return f"sh -c {shlex.quote('; '.join(lines))}"


def candidates(python: str | None) -> tuple[str, ...]:
    """Return what may be edge-mef there, as words of a shell.

    Where nobody logs in for good, the path often lacks the folder of `pip install --user`.
    """
    if python is None:
        return "edge-mef", '"$HOME"/.local/bin/edge-mef', "python3 -m edge_mef"
    home = python.startswith("~/")
    path = '"$HOME"/' + shlex.quote(python[2:]) if home else shlex.quote(python)
    return (f"{path} -m edge_mef",)


def _find(python: str | None) -> str:
    """Try them in turn; the one that tells its version is `tool` from then on.

    With exec the number of a job is that of the program itself, so that signals reach it.
    """
    tries = [
        f'{{ tool() {{ exec {words} "$@"; }}; said=$(tool --version 2>&1) '
        '|| { say tried "$said"; false; }; }'
        for words in candidates(python)
    ]
    return " || ".join(tries)


def _unpack(size: int) -> tuple[str, ...]:
    return (
        'folder=$(mktemp -d "${TMPDIR:-/tmp}/edge-mef.XXXXXXXX" 2>&1) '
        '|| { say uncopied "$folder"; exit 2; }',
        "trap 'cd / && rm -rf \"$folder\"' EXIT",
        "trap 'exit 129' HUP INT TERM",
        # Libraries leave files of their own in the temporary folder: let it be ours.
        'cd "$folder" && export TMPDIR="$folder"',
        # The archive's bytes and no more: stdin stays open, and its end is the order to stop.
        f"said=$(head -c {size} <&3 | LC_ALL=C tar -xf - 2>&1) "
        '|| { say uncopied "$said"; exit 2; }',
    )


def _measure(words: str, mark: str) -> tuple[str, ...]:
    end = f"kill -TERM $job; sleep {PATIENCE}; kill -KILL $job"
    return (
        "say running",
        f"echo '{mark} running' >&2",
        # A shell without jobs has its background programs ignore SIGINT, so it is SIGTERM.
        f"tool bench {words} </dev/null & job=$!",
        f"( while read -r line; do :; done <&3; {end} ) >/dev/null 2>&1 & watch=$!",
        "trap 'kill -TERM $job; exit 129' HUP INT TERM",
        *("wait $job", "code=$?", "exec 2>/dev/null", "kill $watch"),
        *('say exit "$code"', 'exit "$code"'),
    )
