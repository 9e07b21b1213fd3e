"""The tree: links, lengths, imports, the version, and the commands that the README shows."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import edge_mef
from edge_mef.cli.app import app
from edge_mef.toolchain import installed_version

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("benchmarks", "calibration", "export", "runtimes")
LONGEST_FILE = 400  # lines


def sources() -> list[Path]:
    """Return every Python file once: the stages where they really are, not through the links."""
    found = [
        path
        for folder in ("edge_mef", "tests", "examples", *STAGES)
        for path in (ROOT / folder).rglob("*.py")
        if not (path.is_relative_to(ROOT / "edge_mef") and path.resolve() != path)
    ]
    return sorted(set(found))


def imported(source: str) -> Iterator[tuple[str, int]]:
    """Return (top name, level) of every import statement; level 0 is absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0], node.level


@pytest.mark.parametrize("stage", STAGES)
def test_the_stages_are_linked_into_the_package(stage: str) -> None:
    link = ROOT / "edge_mef" / stage
    assert link.is_symlink(), f"{link} is no link: clone with core.symlinks on"
    assert link.readlink() == Path("..") / stage
    assert link.resolve() == ROOT / stage
    assert (ROOT / stage / "__init__.py").is_file()


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 100
    assert ROOT / "runtimes" / "table.py" in lengths
    assert [path for path, length in lengths.items() if length > LONGEST_FILE] == []


def test_imports_are_absolute_and_go_through_the_package() -> None:
    wrong = [
        (path, name)
        for path in sources()
        for name, level in imported(path.read_text(encoding="utf-8"))
        if level > 0 or name in STAGES
    ]
    assert wrong == []


def test_wrong_imports_would_be_seen() -> None:
    assert list(imported("from . import x")) == [("", 1)]
    assert list(imported("import export.onnx as o, json")) == [("export", 0), ("json", 0)]
    assert list(imported("def f():\n from runtimes.base import x")) == [("runtimes", 0)]


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "common", "misc", "helpers", "helper"}
    assert [
        path for path in sources() if drawers & {*path.parts[len(ROOT.parts) :], path.stem}
    ] == []


def shown_commands(text: str) -> list[list[str]]:
    """Return the words of every line in a code block of a Markdown text that calls edge-mef."""
    lines = [
        line.strip().removeprefix("$ ")
        for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [shlex.split(line, comments=True) for line in lines if re.match(r"edge-mef( |$)", line)]


def problems(words: list[str]) -> list[str]:
    """Say what of a command line (its first word is edge-mef) the program does not know."""
    group: Any = typer.main.get_command(app)
    if len(words) == 1 or words[1].startswith("-"):
        known, arguments = group, words[1:]
    elif words[1] in group.commands:
        known, arguments = group.commands[words[1]], words[2:]
    else:
        return [f"there is no command {words[1]}"]
    options = {name for p in known.params for name in (*p.opts, *p.secondary_opts)}
    options |= {"--help", "-h"}
    used = [word.partition("=")[0] for word in arguments if re.match("--?[a-z]", word)]
    return [f"{words[1]} has no option {name}" for name in used if name not in options]


def test_every_command_of_the_readme_exists() -> None:
    readme = ROOT / "README.md"
    assert readme.is_file(), "README.md is missing"
    commands = shown_commands(readme.read_text(encoding="utf-8"))
    assert commands, "README.md shows no command"
    assert {" ".join(words): problems(words) for words in commands if problems(words)} == {}


def test_wrong_commands_would_be_seen() -> None:
    text = """
edge-mef not-in-a-block
```bash
pip install edge-mef
edge-mef fuse under.jpg over.jpg -o fused.jpg  # two files
$ edge-mef fuse FOLDER \\
    --output OUT --frobnicate
edge-mef unfuse a
edge-mef --version
```
~~~
```
edge-mef inspect --json=1 -x
```
"""
    commands = shown_commands(text)
    assert commands[1] == ["edge-mef", "fuse", "FOLDER", "--output", "OUT", "--frobnicate"]
    assert [problems(words) for words in commands] == [
        [],
        ["fuse has no option --frobnicate"],
        ["there is no command unfuse"],
        [],
        ["inspect has no option -x"],
    ]


def test_the_version_is_said_once() -> None:
    said = (ROOT / "edge_mef" / "version.py").read_text(encoding="utf-8")
    assert f'__version__ = "{edge_mef.__version__}"' in said
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(a|b|rc|dev)\d+)?", edge_mef.__version__)
    again = [
        path
        for path in sources()
        if path.name != "version.py" and "__version__ =" in path.read_text(encoding="utf-8")
    ]
    assert again == [Path(__file__).resolve()]
    assert installed_version("edge-mef") in (None, edge_mef.__version__)


def test_the_changelog_has_the_version() -> None:
    changelog = ROOT / "CHANGELOG.md"
    assert changelog.is_file(), "CHANGELOG.md is missing"
    heading = rf"^## \[?{re.escape(edge_mef.__version__)}\b"
    assert re.search(heading, changelog.read_text(encoding="utf-8"), re.MULTILINE)
