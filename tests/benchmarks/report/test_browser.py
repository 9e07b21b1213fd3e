"""The page in a real browser: it loads without a word, and slider, theme and printing work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_mef.benchmarks.record_files import append_history
from edge_mef.benchmarks.report.build import write_report
from tests.benchmarks.made_records import made_record
from tests.benchmarks.report.chromium import NAMES, Browser, find_chromium
from tests.benchmarks.report.made_reports import made_benchmark

pytestmark = pytest.mark.browser

RIGHT, LEFT = ("ArrowRight", 39), ("ArrowLeft", 37)
CUT = "getComputedStyle(document.querySelector('.stage img.left')).clipPath"
PAPER = "getComputedStyle(document.body).backgroundColor"
WRONG_BOXES = """
[...document.querySelectorAll('svg.plot')].filter((plot) => {
  const box = plot.getBoundingClientRect(), outer = plot.parentElement.getBoundingClientRect();
  const inside = box.left >= outer.left - 1 && box.right <= outer.right + 1
    && box.top >= outer.top - 1 && box.bottom <= outer.bottom + 1;
  return !(box.width > 50 && box.height > 50 && inside
    && box.right <= document.documentElement.clientWidth);
}).length
"""
WATCH_PRINTING = """
addEventListener('beforeprint', () => {
  window.folded = document.querySelectorAll('details:not([open])').length;
})
"""
WRONG_TEXTS = """
[...document.querySelectorAll('svg.plot')].flatMap((plot) => {
  const outer = plot.getBoundingClientRect();
  return [...plot.querySelectorAll('text')].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < outer.left - 3 || box.right > outer.right + 3;
  }).map((text) => text.textContent);
})
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    for record in (*made_benchmark(), made_record(machine={"cpu": "another"})):
        append_history(folder / "runs.jsonl", record)
    write_report([folder / "runs.jsonl"], folder / "report.html", threads=1)
    return folder / "report.html"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} was found")
    with Browser(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(running: Browser, report: Path) -> Browser:
    running.events.clear()
    running.emulate()
    running.resize(1280)
    running.open(report)
    return running


def test_it_loads_without_a_word_and_asks_for_nothing(browser: Browser, report: Path) -> None:
    told = {event["method"] for event in browser.events}
    assert "Page.loadEventFired" in told
    assert told.isdisjoint(
        {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled",
         "Network.loadingFailed"}
    )  # fmt: skip
    asked = {
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert report.as_uri() in asked
    assert all(url == report.as_uri() or url.startswith("data:") for url in asked)


def test_the_policy_holds(browser: Browser) -> None:
    """What a page may not do is refused, so that the test above means something."""
    script = """new Promise((done) => { const image = new Image();
      image.onload = () => done('loaded'); image.onerror = () => done('refused');
      image.src = 'file:///x.png'; })"""
    assert browser.evaluate(script) == "refused"
    told = [e["params"]["entry"]["text"] for e in browser.events if e["method"] == "Log.entryAdded"]
    assert any("Content Security Policy" in text for text in told), told


@pytest.mark.parametrize("width", [360, 768, 1280, 1600])
def test_plots_are_inside_and_nothing_scrolls_sideways(browser: Browser, width: int) -> None:
    browser.resize(width)
    assert browser.evaluate("document.querySelectorAll('svg.plot').length") > 40
    assert browser.evaluate(WRONG_BOXES) == 0
    assert browser.evaluate(WRONG_TEXTS) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_the_slider_by_keyboard(browser: Browser) -> None:
    before = browser.evaluate(CUT)
    assert "50%" in before
    browser.evaluate("document.querySelector('.slider input').focus()")
    for _ in range(3):
        browser.key(*RIGHT)
    after = browser.evaluate(CUT)
    value = float(browser.evaluate("document.querySelector('.slider input').value"))
    assert value > 50
    assert after != before
    for _ in range(9):
        browser.key(*LEFT)
    assert float(browser.evaluate("document.querySelector('.slider input').value")) < value


def test_the_slider_by_dragging(browser: Browser) -> None:
    script = """(() => { const stage = document.querySelector('.stage');
      stage.scrollIntoView({block: 'center'}); const box = stage.getBoundingClientRect();
      return [box.left, box.top, box.width, box.height]; })()"""
    left, top, width, height = browser.evaluate(script)
    assert width > 300
    assert height > 200
    y = top + height / 2
    browser.mouse("mousePressed", left + width / 2, y, pressed=True)
    browser.mouse("mouseMoved", left + width / 5, y, pressed=True)
    browser.mouse("mouseReleased", left + width / 5, y, pressed=False)
    assert float(browser.evaluate("document.querySelector('.slider input').value")) == (
        pytest.approx(20, abs=1)
    )
    assert "80%" in browser.evaluate(CUT)
    browser.mouse("mouseMoved", left + width / 2, y, pressed=False)
    assert "80%" in browser.evaluate(CUT)


def test_choosing_pictures(browser: Browser) -> None:
    script = """(() => { const select = document.querySelector('select[name=left]');
      select.selectedIndex = 0; select.dispatchEvent(new Event('change'));
      const image = document.querySelector('.stage img.left');
      return [image.alt, image.complete && image.naturalWidth]; })()"""
    before = browser.evaluate("document.querySelector('.stage img.left').alt")
    name, width = browser.evaluate(script)
    assert before == "OpenCV Mertens"
    assert name == "exposure 1 of 2"
    assert width == 720


def test_the_theme(browser: Browser) -> None:
    light = browser.evaluate(PAPER)
    assert light == "rgb(255, 255, 255)"
    browser.evaluate("document.querySelector('.theme').click()")
    dark = browser.evaluate(PAPER)
    assert dark != light
    assert browser.evaluate("document.querySelector('.theme').textContent") == "Light colours"
    browser.emulate(theme="dark", media="print")
    assert browser.evaluate(PAPER) == light
    browser.emulate()
    browser.evaluate("document.querySelector('.theme').click()")
    assert browser.evaluate(PAPER) == light
    browser.evaluate("delete document.documentElement.dataset.theme")
    browser.emulate(theme="dark")
    assert browser.evaluate(PAPER) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(browser: Browser, theme: str) -> None:
    browser.emulate(theme=theme)
    script = """(() => { const style = getComputedStyle(document.documentElement);
      return Object.fromEntries(['paper', 'ink', 'soft', 'link', 'raised', 'copy-in', 'compute',
        'copy-out', ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `c${i}`)].map(
        (name) => [name, style.getPropertyValue(`--${name}`).trim()])); })()"""
    colours = browser.evaluate(script)
    paper = luminance(colours.pop("paper"))
    for name, least in (("ink", 12), ("soft", 4.5), ("link", 4.5), ("raised", 1)):
        assert contrast(paper, luminance(colours.pop(name))) >= least
    assert len(colours) == 11
    for name, colour in colours.items():
        assert contrast(paper, luminance(colour)) >= 3, name


def contrast(one: float, other: float) -> float:
    """WCAG 2.2, contrast ratio."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_printing(browser: Browser) -> None:
    browser.emulate(theme="dark")
    browser.evaluate(WATCH_PRINTING)
    pdf = browser.pdf()
    assert browser.evaluate("window.folded") == 0
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") > 5
    browser.emulate(media="print")
    shown = "getComputedStyle(document.querySelector('{}')).display"
    assert browser.evaluate(shown.format(".slider")) == "none"
    assert browser.evaluate(shown.format(".pictures")) == "grid"
    # What is folded up is open while it prints only.
    assert browser.evaluate("document.querySelectorAll('details[open]').length") == 0
