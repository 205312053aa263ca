"""Lines of a text that is told in records: where each begins, and what is wrong with it.

DuckDB reads what is right, and fast. What it refuses is looked at here, once more and slowly, so
that a user is told where the fault is and what was expected; and here alone bad rows are set aside.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from configs.sources import CsvFormat
from features.contract import DataError, quote_value

LONGEST = 2_000_000
"""Bytes of the longest line that is read."""

_ENDS = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}
_END = re.compile(rb"\r\n|\n|\r")
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Text:
    """A text file as the user names it, and the file that holds it uncompressed."""

    name: str
    file: str


@dataclass(frozen=True)
class Fault:
    """What is wrong with a record: in which value of it, from 0, if in one."""

    expected: str
    found: str
    index: int | None = None


@dataclass(frozen=True)
class Record:
    """One record: the line it begins in, its bytes without the line's end, and its fault if any."""

    line: int
    raw: bytes
    width: int
    fault: Fault | None = None


@contextmanager
def content(text: Text) -> Iterator[mmap.mmap]:
    """Give the bytes of a text that is not empty."""
    with (
        Path(text.file).open("rb") as raw,
        mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as m,
    ):
        yield m


def odd_bytes(text: Text) -> DataError | None:
    """Return where a text holds what DuckDB would take for letters: NUL, a mark within the text."""
    with content(text) as held:
        for odd, start, found in ((b"\0", 0, "a NUL byte"), (_MARK, 1, "a byte order mark")):
            at = held.find(odd, start)
            if at >= 0:
                line = len(_END.findall(held[:at])) + 1
                return DataError(text.name, line=line, expected="text", found=found)
    return None


def records(text: Text, layout: CsvFormat, width: int | None = None) -> Iterator[Record]:
    """Give the records of a text, its header first; none is expected to differ in its width.

    A record that is wrong ends with the line that it begins in, so that one open quote does not
    take the rest of the file with it.
    """
    pattern = _patterns(layout.delimiter)
    with content(text) as held:
        at, line = len(_MARK) if held[: len(_MARK)] == _MARK else 0, 1
        usual: bytes | None = None
        while at < len(held):
            found = pattern.record.match(held, at)
            if found is None:
                raw, end, stop = _line(held, at)
                fault: Fault | None = _of_quotes(raw, pattern)
                values = 0
            else:
                raw, end, stop = found["raw"], found["end"], found.end()
                values = len(pattern.value.findall(raw + layout.delimiter.encode()))
                fault = _of_bytes(raw, pattern)
            usual = end if usual is None else usual
            if fault is None and end and end != usual:
                fault = Fault(f"line ends of one kind ({_ENDS[usual]} here)", _ENDS[end])
            if fault is None and raw and width is not None and values != width:
                fault = Fault(f"{width} values", str(values), values if values < width else None)
            yield Record(line, raw, values, fault)
            line += len(_END.findall(raw)) + 1
            at = stop


@dataclass(frozen=True)
class _Patterns:
    record: re.Pattern[bytes]
    value: re.Pattern[bytes]


@cache
def _patterns(delimiter: str) -> _Patterns:
    """Return what a record looks like, with its end, and what a value and its delimiter do."""
    comma = re.escape(delimiter.encode())
    quoted = rb' *"[^"]*(?:""[^"]*)*" *'
    bare = rb'(?! *")(?:(?!' + comma + rb")[^\r\n])*"
    value = rb"(?:" + quoted + rb"|" + bare + rb")"
    return _Patterns(
        re.compile(rb"(?P<raw>" + value + rb"(?:" + comma + value + rb")*)(?P<end>\r\n|\n|\r|\Z)"),
        re.compile(value + comma),
    )


def _line(held: mmap.mmap, at: int) -> tuple[bytes, bytes, int]:
    """Return the line that begins at a place, its end, and where the next one begins."""
    found = _END.search(held, at)
    if found is None:
        return held[at:], b"", len(held)
    return held[at : found.start()], found[0], found.end()


def _of_quotes(raw: bytes, pattern: _Patterns) -> Fault:
    index, at = 0, 0
    while found := pattern.value.match(raw, at):
        index, at = index + 1, found.end()
    shown = raw[at:].decode(errors="replace")
    return Fault("a closing quote before the next value", quote_value(shown), index)


def _of_bytes(raw: bytes, pattern: _Patterns) -> Fault | None:
    if len(raw) >= LONGEST:
        return Fault("a line of less than 2 MB", f"{len(raw):,} bytes")
    if b"\0" in raw or _MARK in raw:
        return Fault("text", "a NUL byte" if b"\0" in raw else "a byte order mark")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        index = len(pattern.value.findall(raw[: error.start]))
        return Fault("UTF-8 text", f"the byte {raw[error.start]:#04x}", index)
    return None


def told(record: Record, text: Text, header: Sequence[str]) -> DataError:
    """Return the error that tells a record's fault."""
    fault = record.fault or Fault("a row of the header's columns", "something else")
    return DataError(
        text.name,
        line=record.line,
        column=header[fault.index] if fault.index is not None else None,
        expected=fault.expected,
        found=fault.found,
    )
