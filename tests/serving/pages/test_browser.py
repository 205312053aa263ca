"""The auditor's pages in a browser: on a desk, a telephone and paper, by mouse and by keyboard."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from math import nan
from urllib.parse import quote

import httpx
import pytest

from serving.guard import key_changes
from serving.releases.promotion import promote
from serving.settings import open_ledger
from serving.watching import kept
from serving.watching.outcome import OutcomeWeek
from tests.browser import CHROMIUM, MISSING, opened
from tests.serving.pages.cards import make_card
from tests.serving.pages.crawling import FOREIGN, Crawled, looked, pages
from tests.serving.pages.visiting import AXE, NO_AXE, UNSEEN, visit
from tests.serving.running import running
from tests.serving.shelf import Shelf, Version
from training.bootstrap import Interval
from training.bundle import load

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=MISSING)
needs_axe = pytest.mark.skipif(not AXE.exists() and not os.environ.get("CI"), reason=NO_AXE)

DESK, TELEPHONE = 1200, 360
NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)
SCRIPT = "<script>document.title='owned';alert(1)</script>"
IMAGE = '"><img src=http://evil.example/a.png onerror="alert(2)">'
QUOTES = "' onmouseover=alert(3) x='{{ 7 * 7 }}"
HOSTILE = (SCRIPT, IMAGE, QUOTES, "\N{RIGHT-TO-LEFT OVERRIDE}מחיר", "verylongword" * 30)
CARD = make_card(said=SCRIPT, group=IMAGE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A service whose callers, and who trained its model, wrote what they could to do harm."""
    keys = {}

    def before(config, made):
        for name, scopes in (("auditor", ["audit"]), ("caller", ["score"])):
            keys[name] = key_changes.add(config, name, scopes, NOW)[1]
        shelf = Shelf([Version(1, made["churn"], False)])
        promote(config, shelf, "churn", at=NOW, number=1, force=SCRIPT + IMAGE)
        # No command takes such a name: whoever can write to the record can.
        odd = {"change": "add", "id": IMAGE, "name": SCRIPT, "scopes": [QUOTES]}
        open_ledger(config.name, config.var).append([("K1", "keys", odd), ("E1", "odd", {})], NOW)
        kept.write(config.var, _outcomes(load(made["churn"]).digest))

    with running(tmp_path_factory.mktemp("site"), {"churn": CARD}, before) as held:
        _score(held.url, keys["caller"])
        yield held, keys["auditor"]


def _outcomes(bundle):
    """One week that is over, and one that is not."""
    level = {name: Interval(0.2, 0.1, 0.3) for name in ("mean_predicted", "mean_actual")}
    over = {**level, "mean_excess": Interval(0.0, -0.1, 0.1), "roc_auc": Interval(0.8, 0.7, 0.9)}
    ahead = {"mean_predicted": Interval(0.2, nan, nan), "roc_auc": Interval(0.8, 0.7, 0.9)}
    monday, until = date(2024, 6, 3), date(2024, 7, 8)
    weeks = (
        OutcomeWeek(monday, "churn", bundle, 900, 4, False, until, False, over),
        OutcomeWeek(monday + timedelta(weeks=1), "churn", bundle, 90, 0, True, until, True, ahead),
    )
    return kept.Kept(NOW, until, weeks)


def _score(url, key):
    """Ask for scores: of customers on file, and of some with hostile names and rows."""
    bought = [{"occurred_at": "2024-05-30T10:00:00", "amount": "12.50", "category": SCRIPT}]
    rows = {"transactions": bought, "customer": {"income": IMAGE, "newsletter": True}}
    asked = [
        *({"customer_id": f"{number:03}"} for number in range(12)),
        *({"customer_id": name[:80], "rows": rows, "as_of": "2024-06-03"} for name in HOSTILE),
    ]
    for customer in asked:
        answer = httpx.post(
            f"{url}/v1/score",
            json={"customers": [customer]},
            headers={
                "Authorization": f"Bearer {key}",
                "Accept-Language": SCRIPT,
                "X-Request-Id": SCRIPT,
            },
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def browser():
    with opened() as browser:
        yield browser


@pytest.fixture(scope="module")
def session(browser, site):
    """The cookies of who has signed in."""
    with visit(browser, site[0].url) as held:
        signed_in(held, site[1])
        yield held.page.context.storage_state()


@pytest.fixture
def auditor(browser, site, session):
    """A browser that is signed in."""
    with visit(browser, site[0].url, storage_state=session) as held:
        yield held


def signed_in(visit, key, path="/audit"):
    visit.go(path)
    visit.page.fill("#key", key)
    visit.page.click("main button")


@pytest.fixture(scope="module", params=[(DESK, "en"), (TELEPHONE, "da")], ids=["desk", "telephone"])
def crawled(request, browser, site, session):
    width, language = request.param
    with visit(browser, site[0].url, width, storage_state=session) as held:
        axe = (AXE.exists() or "CI" in os.environ) and language == "en"
        found = [looked(held, width, axe) for _ in pages(held, f"/audit?lang={language}")]
        yield Crawled(language, found, held.complaints, held.outside)


def test_a_key_opens_the_pages_and_another_does_not(browser, site):
    with visit(browser, site[0].url) as held:
        signed_in(held, "sk_wrong", "/audit/record?lang=en")
        assert held.page.get_by_role("alert").is_visible()
        assert "/audit/sign-in" in held.page.url
        held.page.fill("#key", site[1])
        held.page.keyboard.press("Enter")
        held.page.wait_for_url(f"{site[0].url}/audit/record?lang=en")
        (cookie,) = held.page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
            True,
            "Strict",
            "/audit",
        )
        held.page.get_by_role("button", name="Sign out").click()
        held.go("/audit/scores")
        assert "/audit/sign-in" in held.page.url


def test_a_score_is_found_computed_again_and_verified(auditor):
    auditor.go("/audit?lang=en")
    auditor.page.get_by_label("Customer", exact=False).first.fill("005")
    auditor.page.get_by_role("button", name="Search").click()
    assert "005" not in auditor.page.url
    rows = auditor.page.locator("table.found tbody tr")
    assert rows.count() == 1
    rows.locator("a").first.click()
    for check in ("replay", "verify"):
        auditor.page.locator(f"a.button[href*='{check}=1']").click()
        told = auditor.page.get_by_role("status")
        assert told.is_visible()
        assert "bad" not in (told.get_attribute("class") or "").split()
    assert auditor.complaints == []


def test_every_page_fits_and_asks_nobody_for_anything(crawled):
    for page in crawled.pages:
        assert (page.too_wide, page.sticking_out) == ([], []), page.url
        assert page.language == crawled.language
        assert page.levels.count(1) == 1, page.url
    assert (crawled.complaints, crawled.outside) == ([], [])


@needs_axe
@pytest.mark.parametrize("crawled", [(DESK, "en")], indirect=True, ids=["desk"], scope="module")
def test_axe_finds_nothing_amiss_on_any_page(crawled):
    # The two languages differ in words alone: one is looked at for what is not words.
    looked = {page.url: page.violations for page in crawled.pages}
    assert {url: held for url, held in looked.items() if held} == {}


@needs_axe
def test_axe_finds_nothing_amiss_where_a_key_is_asked_for(browser, site):
    with visit(browser, site[0].url, TELEPHONE) as held:
        signed_in(held, "sk_wrong", "/audit?lang=da")
        assert held.violations() == []


def test_what_others_wrote_is_shown_as_text(crawled):
    for page in crawled.pages:
        assert page.foreign == 0, page.url
        assert "owned" not in page.title
    said = "".join(page.text for page in crawled.pages)
    for text in (SCRIPT, IMAGE, QUOTES):
        assert text in said


@pytest.mark.parametrize(
    "path",
    [
        "/audit/scores/{}",
        "/audit/scores/{}/1",
        "/audit/models/{}",
        "/audit/scores?customer={}",
        "/audit/scores?since={}&until={}&model={}&band={}&after={}",
        "/audit/scores?{}=1",
        "/audit/record?verify={}&lang={}",
        "/audit/drift?format={}",
        "/audit/sign-in?next={}",
    ],
)
def test_what_an_address_says_is_text_too(auditor, path):
    for text in (SCRIPT, IMAGE, QUOTES):
        auditor.go(path.format(*[quote(text, safe="")] * path.count("{}")))
        assert auditor.page.locator(FOREIGN).count() == 0
        assert "owned" not in auditor.page.title()
    assert auditor.outside == []
    # That a page was refused is all that the console may tell.
    assert [said for said in auditor.complaints if "Failed to load" not in said] == []


def test_a_language_that_is_no_language_does_no_harm(browser, site):
    more = {"extra_http_headers": {"Accept-Language": f"{SCRIPT},da;q={IMAGE}"}}
    with visit(browser, site[0].url, **more) as held:
        held.go("/audit/sign-in")
        assert held.page.locator("html").get_attribute("lang") in ("en", "da")
        assert held.complaints == []


def test_a_keyboard_reaches_all_there_is_and_shows_where_it_is(auditor):
    auditor.go("/audit/record?lang=en")
    page = auditor.page
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("each => each === document.activeElement")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    reached = []
    for _ in range(60):
        assert not page.evaluate(UNSEEN), page.evaluate("document.activeElement.outerHTML")
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
    there = page.locator("a[href]:visible, button:visible, [tabindex='0']:visible").count()
    assert len(set(reached)) >= there - 1
    page.goto(page.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.endswith("#content"))  # which comes a moment later


def test_no_page_may_run_or_frame_anything(auditor, site):
    for path in ("/audit", "/audit/models", "/audit/record", "/audit/drift"):
        answer = auditor.page.request.get(site[0].url + path, headers={"Accept": "text/html"})
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["cache-control"] == "no-store"
