"""A page that stands alone.

It asks nobody for anything: style and plots are in it, there is no script, and its own content
security policy says so.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from training import wording

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *folders: Path, style: str = "", **content: Any) -> bytes:
    """Return a page of a template that extends ``page.html``.

    Parameters
    ----------
    template : str
        Its file's name.
    folders : Path
        Where templates lie besides those of the cards.
    style : str
        What its style sheet has besides that of all pages.
    content
        What the template tells of; text is escaped.
    """
    whole = (TEMPLATES / "page.css").read_text(encoding="utf-8") + style
    digest = base64.b64encode(hashlib.sha256(whole.encode()).digest()).decode()
    held = _environment(folders).get_template(template)
    return held.render(**content, style=Markup(whole), style_digest=digest).encode()


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    env = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for said in (wording.number, wording.count, wording.plain, wording.title):
        env.filters[said.__name__] = said
    return env
