"""A browser that pages are looked at with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
MISSING = f"{CHROMIUM}, the browser that pages are looked at with, is missing"


@contextmanager
def opened() -> Iterator[Browser]:
    """Give a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], headless=True
        )
        yield browser
        browser.close()


def shown(page: Page, file: Path) -> tuple[list[str], list[str]]:
    """Open a file; return what the console complained of, and what else was asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(file.as_uri(), wait_until="networkidle")
    return complaints, [url for url in requests if url != file.as_uri()]
