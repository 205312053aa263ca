"""The root of what a user is told went wrong, and what is wrong with a config."""

from __future__ import annotations

from typing import NamedTuple

Key = tuple[str | int, ...]
"""Where in a config a value stands: ``("features", "windows", 0)``."""


class StamkundeError(Exception):
    """Root of all errors that a user's own doing causes.

    Its text gives the rule, the value found and the next step, and needs no traceback.
    """


class Place(NamedTuple):
    """A file and a line of it (0 for the file as a whole), or an override as it was given."""

    name: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


class Problem(NamedTuple):
    """One thing wrong with a config."""

    place: Place
    key: Key
    text: str

    def __str__(self) -> str:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.key)[1:]
        told = not key or self.place.name.startswith(f"--set {key}=")
        return _in_one_line(f"{self.place}{'' if told else ' ' + key}: {self.text}")


class ConfigError(StamkundeError, ValueError):
    """A config that cannot be used; a line for each thing wrong with it, in the files' order."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = sorted(problems, key=_standing)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def _standing(problem: Problem) -> tuple[bool, Place]:
    return problem.place.name.startswith("--set "), problem.place


def _in_one_line(text: str) -> str:
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
