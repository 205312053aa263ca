"""From YAML files and ``--set`` to one config; what is wrong is told by file, line and key."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError

from configs.errors import ConfigError, Key, Place, Problem
from configs.explain import explained
from configs.schema import Config
from configs.values import without_password
from configs.written import Written, read_mapping, read_value

_MAX_BYTES = 1_000_000
_NO_RESULT = ("paths", "serving", "engine")  # sections that change none
_VARIABLE = re.compile(r"\$\{([^}]*)\}?")


def load(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Config:
    """Return the config that a file, the files it extends and the overrides make together.

    Parameters
    ----------
    path
        A YAML file. Where it says ``extends: OTHER.yaml``, that file's values hold wherever it
        has none of its own.
    overrides
        Values that replace the files', such as ``churn.horizon=60d``, read as YAML.

    Raises
    ------
    ConfigError
        With a line for each thing wrong: where it is written, its key, the rule, what was found.
    """
    tree = _merged(_file(Path(path)), _overriding(overrides))
    return _validated(_with_environment(tree))


def dump(config: Config) -> dict[str, Any]:
    """Return a config as JSON can hold it."""
    return config.model_dump(mode="json")


def config_hash(config: Config) -> str:
    """Return the SHA-256 of what in a config can change a result, in hexadecimal.

    Where the files lie cannot; what is in them, the fingerprint of the data tells.
    """
    content = dump(config)
    for table in config.sources.given:
        held = content["sources"][table]
        for source in held if isinstance(held, list) else [held]:
            for located in (source, *source.get("join", ())):
                del located["path"]
    return sections_hash(content, *(key for key in content if key not in _NO_RESULT))


def sections_hash(content: dict[str, Any], *sections: str) -> str:
    """Return the SHA-256 of some sections of a dumped config, in hexadecimal."""
    return hashlib.sha256(rfc8785.dumps({key: content[key] for key in sections})).hexdigest()


def _file(path: Path, asked: Problem | None = None, above: tuple[Path, ...] = ()) -> Written:
    """Read a file, laid over the file that it extends; `asked` is where another extends it."""
    text = _text(path, asked or Problem(Place(str(path)), (), ""))
    here = path.resolve()
    if asked and here in above:
        circle = " → ".join(file.name for file in (*above[above.index(here) :], here))
        raise ConfigError(asked._replace(text=f"goes round in a circle: {circle}"))
    tree = read_mapping(str(path), text)
    named = tree.value.pop("extends", None)
    if named is None:
        return tree
    named = _with_environment(named, ("extends",))
    if not isinstance(named.value, str):
        rule = f"must be the name of a file, got {named.shown}"
        raise ConfigError(Problem(named.place, ("extends",), rule))
    base = path.parent / named.value
    asks = Problem(named.place, ("extends",), f"{base}: ")
    return _merged(_file(base, asks, (*above, here)), tree)


def _text(path: Path, asked: Problem) -> str:
    """Read a file's text; that it cannot be opened is told where it was asked for."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(asked._replace(text=asked.text + _unreadable(path, error))) from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError(Problem(Place(str(path)), (), "is over 1 MB; give a config, not data"))
    if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        rule = "begins with a byte order mark; save it as UTF-8 without one"
        raise ConfigError(Problem(Place(str(path), 1), (), rule))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        place = Place(str(path), raw.count(b"\n", 0, error.start) + 1)
        rule = f"holds the byte 0x{raw[error.start]:02x}, which is not UTF-8; save it as UTF-8"
        raise ConfigError(Problem(place, (), rule)) from None


def _unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, IsADirectoryError):
        return "is a folder; give a file in it"
    if not isinstance(error, FileNotFoundError):
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    beside = {file.name: file for file in path.parent.glob("*.y*ml")}
    near = get_close_matches(path.name, beside, n=1)
    return "there is no such file" + (f"; did you mean {beside[near[0]]}?" if near else "")


def _overriding(overrides: Sequence[str]) -> Written:
    """Return all overrides as one tree, so that their order does not matter to one another."""
    tree = Written({}, Place("--set"))
    for override in overrides:
        place = Place(f"--set {without_password(override)}")
        name, equals, text = override.partition("=")
        key = tuple(part.strip() for part in name.split("."))
        if not equals or not all(key):
            raise ConfigError(Problem(place, (), "must be key=value, such as churn.horizon=60d"))
        if key == ("extends",):
            raise ConfigError(Problem(place, (), "is for a file to say: write it in one"))
        value = read_value(place.name, text, key)
        for part in reversed(key):
            value = Written({part: value}, place)
        tree = _merged(tree, value)
    return tree


def _merged(base: Written, over: Written) -> Written:
    """Lay a value over another: mappings of one kind merge, anything else replaces."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    kinds = [side.value["kind"].plain for side in (base, over) if "kind" in side.value]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        return over
    inner = {
        name: _merged(base.value[name], value) if name in base.value else value
        for name, value in over.value.items()
    }
    # An override's dotted key does not write the mappings that it goes through.
    return Written({**base.value, **inner}, over.place if over.place.line else base.place)


def _with_environment(tree: Written, key: Key = ()) -> Written:
    problems: list[Problem] = []
    tree = _substituted(tree, key, problems)
    if problems:
        raise ConfigError(*problems)
    return tree


def _substituted(tree: Written, key: Key, problems: list[Problem]) -> Written:
    """Put environment variables in the place of ``${NAME}``, noting those that are not set."""
    value = tree.value
    if isinstance(value, dict):
        value = {k: _substituted(inner, (*key, k), problems) for k, inner in value.items()}
    elif isinstance(value, list):
        value = [_substituted(inner, (*key, i), problems) for i, inner in enumerate(value)]
    elif isinstance(value, str):
        for found in _VARIABLE.finditer(value):
            name = found[1]
            if not (found[0].endswith("}") and name.isascii() and name.isidentifier()):
                rule = f'must name a variable as ${{NAME}} does, got "{found[0]}"'
                problems.append(Problem(tree.place, key, rule))
            elif not os.environ.get(name):
                rule = f"needs the environment variable {name}, which is not set; set {name}=VALUE"
                problems.append(Problem(tree.place, key, rule))
        value = _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), value)
    return replace(tree, value=value)


def _validated(tree: Written) -> Config:
    try:
        return Config.model_validate(tree.plain)
    except ValidationError as error:
        details = error.errors(include_url=False)
    locations = [detail["loc"] for detail in details]
    # A list is also called too short when its every item was refused.
    told = [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(loc[:-1][: len(detail["loc"])] == detail["loc"] for loc in locations)
    ]
    raise ConfigError(*(explained(tree, detail) for detail in told))
