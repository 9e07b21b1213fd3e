"""The documentation holds: its Python runs, its commands exist, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from edge_mef.cli.app import app
from edge_mef.pictures import write_picture
from edge_mef.render.brackets import demo_bracket

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, *(p for p in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if p.is_file())]
BLOCK = re.compile(r"(<!-- run -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Blocks that are run are those for a device: torch is made impossible to import.
WITHOUT_TORCH = 'import sys\nsys.modules["torch"] = None\n'


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    number: int
    language: str
    text: str
    marked: bool

    def __str__(self) -> str:
        return f"{self.page.name}-{self.number}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for number, found in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), start=1):
            mark, language, text = found.groups()
            yield Block(page, number, language, text, mark is not None)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every edge-mef command as (where, arguments); after a prompt, where a block has one."""
    for block in blocks():
        if block.language not in ("console", "bash", "sh"):
            continue
        lines = block.text.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        for line in lines:
            yield from ((str(block), part) for part in edge_mef_arguments(line))


def edge_mef_arguments(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each edge-mef in a shell line, without pipes and redirections."""
    if not re.search(r"\bedge-mef\b", line):
        return
    parts: list[list[str]] = [[]]
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    for word in words:
        if set(word) <= set("|&;<>"):
            parts.append([])
        else:
            parts[-1].append(word)
    for part in parts:
        if part[:1] == ["edge-mef"] or (part[:1] == ["torchrun"] and "edge-mef" in part):
            yield part[part.index("edge-mef") + 1 :]


RUNNABLE = [block for block in blocks() if block.marked]
COMMANDS = list(commands())


@pytest.fixture(scope="module")
def bracket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bracket")
    for name, frame in zip(("under", "over"), demo_bracket(60, 80).exposures, strict=True):
        write_picture(folder / f"{name}.png", frame)
    return folder


def test_there_is_something_to_test() -> None:
    assert len(DOCS) >= 8
    assert len(RUNNABLE) >= 5
    assert len(COMMANDS) >= 20


@pytest.mark.parametrize("block", RUNNABLE, ids=str)
def test_python_runs(block: Block, bracket: Path, tmp_path: Path) -> None:
    assert block.language == "python"
    for name in ("under.png", "over.png"):
        (tmp_path / name).write_bytes((bracket / name).read_bytes())
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_TORCH + block.text],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    "block", [b for b in blocks() if b.language == "python" and not b.marked], ids=str
)
def test_other_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize(
    ("where", "arguments"), COMMANDS, ids=[f"{w} {' '.join(a)}" for w, a in COMMANDS]
)
def test_a_command_exists_and_takes_these_options(where: str, arguments: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    name, rest = arguments[0], arguments[1:]
    if name.startswith("-"):
        assert name in {"-h", "--help"} | {o for p in group.params for o in p.opts}, where
        return
    assert name in group.commands, where
    if not {"-h", "--help"} & set(rest):
        # Reads the arguments as the program would, and runs nothing.
        group.commands[name].make_context(name, list(rest), resilient_parsing=False)


def test_a_wrong_option_would_be_noticed() -> None:
    group: Any = typer.main.get_command(app)
    with pytest.raises(Exception, match="--no-such-option"):
        group.commands["fuse"].make_context("fuse", ["a", "b", "-o", "c", "--no-such-option"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if "://" in target or target.startswith(("#", "mailto:")):
            continue
        path = target.partition("#")[0]
        assert not path.startswith("/"), target
        assert (page.parent / path).exists(), target


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_the_map_names_every_page(page: Path) -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert page.name == "index.md" or f"]({page.name})" in index
