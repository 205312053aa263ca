"""What the page is laid out of: sections, their parts, and what stands in these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.report.pictures import Picture
from serving.report.tables import Table


@dataclass(frozen=True)
class Persona:
    """A segment's card: its name, sentences, figures by name, and how sure it is."""

    name: str
    said: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    sure: str


@dataclass(frozen=True)
class Folded:
    """A table that is opened on request."""

    title: str
    table: Table
    said: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """A part of a section: pictures, cards and tables under a title."""

    title: str = ""
    said: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    personas: Sequence[Persona] = ()
    tables: Sequence[Table] = ()
    folded: Sequence[Folded] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page; ``pairs`` are what it is from, by name."""

    name: str
    title: str
    said: Sequence[str]
    parts: Sequence[Part] = ()
    pairs: Sequence[tuple[str, str]] = ()
