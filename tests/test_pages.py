"""The report in a browser: whole on a wide and on a narrow screen, asking nobody for anything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from features.source import load_tables
from tests.browser import CHROMIUM, MISSING, opened, shown
from tests.training.bases import make_regulars_config
from training.card import report
from training.job import train
from training.progress import Reporter

NOW = datetime(2024, 6, 3, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=MISSING)

# What sticks out of the page to the right and is not within a box that scrolls by itself.
STICKING_OUT = """
() => [...document.querySelectorAll("body *")].filter((each) => {
  for (let box = each.parentElement; box; box = box.parentElement) {
    if (box.tagName === "svg" || ["auto", "scroll"].includes(getComputedStyle(box).overflowX)) {
      return false;
    }
  }
  return each.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map((each) => each.outerHTML.slice(0, 100))
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of a small real training run, and the card of each of its bundles."""
    folder = tmp_path_factory.mktemp("pages")
    config = make_regulars_config(folder)
    tables, quiet = load_tables(config), Reporter(quiet=True)
    made = [train(config, task, now=NOW, tables=tables, reporter=quiet) for task in config.tasks]
    (folder / "report.html").write_bytes(report([(each.facts, each.figures) for each in made]))
    cards = {each.task: each.bundle.path / "card.html" for each in made}
    return {"report": folder / "report.html", **cards}


@pytest.fixture(scope="module")
def browser():
    with opened() as browser:
        yield browser


@pytest.fixture(params=[1100, 360], ids=["wide", "narrow"])
def page(request, browser):
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    yield page
    page.close()


@pytest.mark.parametrize("name", ["report", "churn", "clv", "segments"])
def test_a_page_is_whole_and_asks_nobody_for_anything(pages, page, name):
    complaints, requests = shown(page, pages[name])
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(STICKING_OUT) == []


def test_every_heading_of_the_report_is_seen(pages, page):
    shown(page, pages["report"])
    headings = page.locator("h1, h2, h3, h4, h5, h6").all()
    assert len(headings) > len(pages)
    assert [each.inner_text() for each in headings if not each.is_visible()] == []
    assert [each.inner_html() for each in headings if not each.inner_text().strip()] == []


def test_every_link_of_the_report_leads_to_a_place_in_it(pages, page):
    shown(page, pages["report"])
    places = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    assert places
    assert [place for place in places if page.locator(place).count() != 1] == []


def test_every_plot_of_the_report_is_drawn_and_named(pages, page):
    shown(page, pages["report"])
    plots = page.locator("figure svg").all()
    assert len(plots) > 6
    for plot in plots:
        box = plot.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 50
        assert plot.get_attribute("role") == "img"
        named = plot.get_attribute("aria-label") or plot.get_attribute("aria-labelledby")
        assert named
