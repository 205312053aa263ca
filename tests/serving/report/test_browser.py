"""The report in a browser: on a telephone, on a desk and on paper, whoever named the customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from playwright.sync_api import Page

from features.source import load_tables
from serving.releases.release import publish
from serving.report.contents import Report
from serving.report.job import gather
from serving.report.page import page as written
from tests import factories
from tests.browser import CHROMIUM, MISSING, opened, shown
from tests.serving.report.contents import make_modelled, make_rows, make_table

NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)
TELEPHONE, DESK, PAPER = 390, 1280, 680  # A4 less its margins is 180 mm, 680 px
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=http://evil.example/a.png onerror="document.title=\'owned\'">',
    "'quoted' & \"quoted\"",
    "\N{RIGHT-TO-LEFT OVERRIDE}מחיר",
    "verylongword" * 40,
    "=cmd|' /C calc'!A0",
)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=MISSING)

# What sticks out of the page to the right and is not within a table that scrolls by itself.
STICKING_OUT = """
() => [...document.querySelectorAll("body *")].filter((each) => {
  if (each.closest("svg, .quiet")) { return false; }
  for (let box = each.parentElement; box; box = box.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) { return false; }
  }
  return each.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map((each) => each.outerHTML.slice(0, 100))
"""

# Tables that no box scrolls, or whose box a keyboard does not reach or a reader does not name.
STUCK_TABLES = """
() => [...document.querySelectorAll("table")].map((each) => each.parentElement).filter(
  (box) => getComputedStyle(box).overflowX !== "auto" || box.tabIndex !== 0
    || !box.getAttribute("aria-label")
).length
"""

# Words that are cut off by the box they stand in.
CUT_OFF = """
() => [...document.querySelectorAll("th, td, dd, h4, .tiles b")].filter(
  (each) => each.offsetParent && each.scrollWidth > each.clientWidth + 1
).map((each) => each.outerHTML.slice(0, 100))
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of a small base before anything is promoted, and after; and of hostile names."""
    folder = tmp_path_factory.mktemp("reports")
    config = factories.make_config(folder)
    tables = load_tables(config)
    bare = gather(config, tables, factories.AS_OF, NOW, lambda _: None)
    publish(config.var, config.name, factories.make_bundles(folder / "bundles", config))
    modelled = gather(config, tables, factories.AS_OF, NOW, lambda _: None)
    made = {"bare": bare, "modelled": modelled, "hostile": _hostile()}
    for name, report in made.items():
        (folder / f"{name}.html").write_bytes(written(report, "en"))
    return {name: folder / f"{name}.html" for name in made}


def _hostile() -> Report:
    """A report in which all that the data can name is called so."""
    report = make_modelled()
    whole = report.figures[report.figures["dimension"] == "all"]
    groups = [row for name in HOSTILE for row in make_rows("attribute:x", name, {"end": 100.0})]
    cards = [
        {**report.personas["value"][0], "id": place, "name": name, "said": name, "channel": name}
        for place, name in enumerate(HOSTILE)
    ]
    called = report.calls.loc[[0] * len(HOSTILE)].assign(
        customer_id=HOSTILE, reasons=[[name] for name in HOSTILE]
    )
    figures = make_table([*whole.to_dict("records"), *groups])
    return replace(
        report,
        base=HOSTILE[0],
        figures=figures,
        names={"attribute:x": (HOSTILE[1], HOSTILE[1])},
        personas={"value": cards},
        calls=called,
        origin=replace(report.origin, files={"transactions": (HOSTILE[0], 1)}),
    )


@pytest.fixture(scope="module")
def browser():
    with opened() as browser:
        yield browser


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": TELEPHONE, "height": 844})
    yield page
    page.close()


def unfold(page: Page) -> None:
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true })")


@pytest.mark.parametrize("name", ["bare", "modelled", "hostile"])
def test_a_report_fits_and_asks_nobody_for_anything(pages, page, name):
    complaints, requests = shown(page, pages[name])
    unfold(page)
    assert page.locator("table").count() >= 2
    for width in (TELEPHONE, DESK):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        assert page.evaluate(STICKING_OUT) == []
        assert page.evaluate(STUCK_TABLES) == 0
        assert page.evaluate(CUT_OFF) == []
    assert complaints == []
    assert requests == []


@pytest.mark.parametrize("name", ["bare", "modelled"])
def test_headings_are_in_order_and_seen(pages, page, name):
    shown(page, pages[name])
    headings = page.locator("h1, h2, h3, h4").all()
    levels = [int(each.evaluate("each => each.tagName[1]")) for each in headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert all(each.is_visible() and each.inner_text().strip() for each in headings)


def test_every_figure_and_picture_is_labelled(pages, page):
    shown(page, pages["modelled"])
    pictures = page.locator("figure svg").all()
    assert len(pictures) >= 5
    for picture in pictures:
        assert picture.get_attribute("role") == "img"
        assert picture.get_attribute("aria-label")
    for tile in page.locator(".tiles > div").all():
        assert tile.locator("dt").inner_text().strip()
        assert tile.locator("dd b").inner_text().strip()
    assert "" not in [name.strip() for name in page.locator("tbody th").all_text_contents()]


def test_what_is_folded_opens_with_the_keyboard(pages, page):
    shown(page, pages["modelled"])
    first = page.locator("details").first
    table = first.locator("table")
    assert not table.is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert table.is_visible()
    page.keyboard.press("Space")
    assert not table.is_visible()


def test_hostile_names_are_shown_as_they_are_written(pages, page):
    shown(page, pages["hostile"])
    unfold(page)
    told = page.locator("tbody th").all_text_contents()
    assert {name.strip() for name in told} >= set(HOSTILE)
    assert set(page.locator(".persona h4").all_text_contents()) == set(HOSTILE)
    assert page.locator("script, body img").count() == 0
    assert "owned" not in page.title().replace(HOSTILE[0], "")


@pytest.mark.parametrize("name", ["bare", "modelled", "hostile"])
def test_a_printed_report_has_nothing_cut_off(pages, page, name):
    shown(page, pages[name])
    unfold(page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 990})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(STICKING_OUT) == []
    assert page.evaluate(CUT_OFF) == []
    assert page.pdf(format="A4").startswith(b"%PDF")
