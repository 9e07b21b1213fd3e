"""Markdown: tables that stay tables, and titles that stay text."""

import re

import pytest
from markdown_it import MarkdownIt

from edge_mef.benchmarks.report.markdown import escape_markdown, markdown_page
from tests.benchmarks.made_records import latencies, made_record
from tests.benchmarks.report.made_reports import made_benchmark

HOSTILE = "<b>x</b> | a`b @someone [l](http://e.org) #12 *s* _u_ ~~d~~ www.e.org &lt; \\"


def rendered(text: str) -> str:
    page: str = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    )
    return page


def test_tables_have_as_many_cells_as_columns() -> None:
    text = markdown_page(made_benchmark())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 24 + 2 + 18 + 2 + 4
    page = rendered(text)
    assert page.count("<table>") == 3
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        widths = {len(re.findall("<t[hd]", row)) for row in table.split("<tr>")[1:]}
        assert len(widths) == 1
    for heading in ("<h1>Measurements</h1>", "<h3>Ratios</h3>", "<h3>Size scaling</h3>",
                    "<h3>Not measured</h3>", "<h3>Notes</h3>", "<h3>Records</h3>"):  # fmt: skip
        assert heading in page
    assert "<h2>Cortex-A78AE (" in page
    assert "faster" in page
    assert "not measured" in page
    assert "this board has no sensor of its power (energy)" in page
    assert "clocks were held down (power cap): ffmef at 270x480" in page


@pytest.mark.parametrize("text", [HOSTILE, "1. list", "- list", "+ list", "# heading", "a\n\n# b"])
def test_text_stays_text(text: str) -> None:
    page = rendered(escape_markdown(text))
    shown = page.removeprefix("<p>").removesuffix("</p>\n")
    assert "<" not in shown
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown.replace("\u2060", "") == " ".join(text.split())
    for link in ("@s", "://", "www."):
        assert link not in shown


def test_a_hostile_title_keeps_the_table() -> None:
    page = rendered(markdown_page([made_record(subject={"title": HOSTILE}, notes=(HOSTILE,))]))
    assert "<b>" not in page
    assert "<a " not in page
    assert "<code>" not in page
    assert page.count("<td") == 12
    assert "Measured nowhere here: frames/s; host, MiB; device, MiB; mJ per frame." in page


def test_groups_have_headings_and_many_ids_fold() -> None:
    records = [made_record(latencies(i), settings={"threads": 1 + i % 2}) for i in range(14)]
    text = markdown_page(records)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Cortex-A78AE (58af1462), 2 exposures, 1 thread, 1 stream, CPUExecutionProvider",
        "## Cortex-A78AE (58af1462), 2 exposures, 2 threads, 1 stream, CPUExecutionProvider",
    ]
    assert "<details><summary>All ids</summary>" in text
    assert "### Ratios" not in text
