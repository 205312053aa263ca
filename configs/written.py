"""YAML as a tree in which every value knows where it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from configs.errors import ConfigError, Key, Place, Problem
from configs.values import without_password

_MAX_DEPTH = 32
_SCALARS = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")
}
_IN_PLAIN_WORDS = {
    "found character '\\t' that cannot start any token": "is indented with a tab; use spaces",
    "but found another document": "begins a second document; a config is one",
    "mapping values are not allowed here": "cannot be read as YAML: a key may not stand here; "
    "mind the indentation, and quote text that holds a colon",
}


@dataclass(frozen=True)
class Written:
    """A value (mappings and lists hold more of these), its place, and how it is spelt there."""

    value: Any
    place: Place
    spelt: str = ""

    @property
    def plain(self) -> Any:
        """The value alone."""
        if isinstance(self.value, dict):
            return {name: inner.plain for name, inner in self.value.items()}
        if isinstance(self.value, list):
            return [inner.plain for inner in self.value]
        return self.value

    @property
    def shown(self) -> str:
        """The value in few characters, as it would be written."""
        if isinstance(self.value, dict):
            inner = ", ".join(f"{name}: {each.shown}" for name, each in self.value.items())
            text = f"{{{inner}}}"
        elif isinstance(self.value, list):
            text = f"[{', '.join(each.shown for each in self.value)}]"
        elif isinstance(self.value, str):
            text = f'"{self.value}"'
        else:
            text = "nothing" if self.value is None else self.spelt
        return _brief(text)


def read_mapping(name: str, text: str) -> Written:
    """Read a file's text, which must be a mapping."""
    document = _Document(name, text, numbered=True)
    node = document.node
    if node is None or node.tag == "tag:yaml.org,2002:null":
        raise ConfigError(Problem(Place(name), (), "is empty; a config says at least name: …"))
    if not isinstance(node, yaml.MappingNode):
        rule = "must be a mapping of keys to values, such as name: shop"
        raise document.refused(node, (), rule)
    return document.written(node, node, ())


def read_value(name: str, text: str, key: Key) -> Written:
    """Read one value of any kind, as an override gives it; no text at all is null."""
    document = _Document(name, text, numbered=False)
    if document.node is None:
        return Written(None, Place(name))
    return document.written(document.node, document.node, key)


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases: every value is written in one place, and none multiplies."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            rule = f"the alias *{event.anchor} is not followed; write the value out"
            raise yaml.composer.ComposerError(None, None, rule, event.start_mark)
        return super().compose_node(parent, index)


class _Document:
    def __init__(self, name: str, text: str, *, numbered: bool) -> None:
        self.name = name
        self.numbered = numbered
        line = 0
        try:
            self._loader = _Loader(text)
            self.node = self._loader.get_single_node()
            return
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position)
            rule = f"the character U+{error.character:04X} may not stand in YAML"
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line if mark else 0
            rule = _in_plain_words(error)
        except RecursionError:
            rule = "is nested too deeply"
        # PyYAML's scanner lets some failures of its own through, as for "\UFFFFFFFF".
        except (ValueError, OverflowError) as error:
            line = self._loader.line
            rule = f"cannot be read as YAML: {error}"
        raise ConfigError(Problem(self._place(line), (), rule))

    def refused(self, node: Any, key: Key, rule: str) -> ConfigError:
        return ConfigError(Problem(self._place(node.start_mark.line), key, rule))

    def written(self, node: Any, at: Any, key: Key) -> Written:
        """Return a node as a value whose place is another's: that of its key."""
        place = self._place(at.start_mark.line)
        if len(key) > _MAX_DEPTH:
            raise self.refused(at, key[:3], "is nested too deeply")
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return Written(self._mapping(node, key), place)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            items = [self.written(each, each, (*key, i)) for i, each in enumerate(node.value)]
            return Written(items, place)
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return Written(self._scalar(node, at, key), place, node.value)
        raise self.refused(at, key, f"the tag {node.tag} is not read; write the value without it")

    def _mapping(self, node: Any, key: Key) -> dict[str, Written]:
        mapping: dict[str, Written] = {}
        for name, value in node.value:
            inner = (*key, self._name(name, key))
            if name.value in mapping:
                first = mapping[name.value].place.line
                seen = f", first in line {first}" if first else ""
                raise self.refused(name, inner, f"is written twice{seen}; keep one of them")
            mapping[name.value] = self.written(value, name, inner)
        return mapping

    def _name(self, node: Any, key: Key) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.refused(node, key, "has a list or a mapping as a key; a key must be text")
        if node.tag != "tag:yaml.org,2002:str":
            rule = f'the key {node.value} is {_kind(node)} to YAML; quote it: "{node.value}"'
            raise self.refused(node, key, rule)
        return str(self._scalar(node, node, key))

    def _scalar(self, node: Any, at: Any, key: Key) -> Any:
        try:
            value = self._loader.construct_object(node)
            read = str(value)
            node.value.encode()
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError):
            rule = f'"{_brief(node.value)}" is not {_kind(node)} that YAML can read'
            raise self.refused(at, key, rule) from None
        # Else 010 would silently be 8, and 1:30 would be 90.
        if isinstance(value, int | float) and re.search(r"^[-+]?0\d|:", node.value):
            said = f"{_brief(node.value)} is {_brief(read)} to YAML"
            rule = f"{said}; write that, or quote it to make it text"
            raise self.refused(at, key, rule)
        return value

    def _place(self, line: int) -> Place:
        return Place(self.name, line + 1 if self.numbered else 0)


def _brief(text: str) -> str:
    text = without_password(text)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _in_plain_words(error: yaml.MarkedYAMLError) -> str:
    if error.problem in _IN_PLAIN_WORDS:
        return _IN_PLAIN_WORDS[error.problem]
    mark = error.context_mark
    began = f" {error.context} from line {mark.line + 1}" if mark else ""
    return f"cannot be read as YAML: {error.problem}{began}"


def _kind(node: Any) -> str:
    """Return what YAML takes a scalar for, in words."""
    kind = node.tag.rpartition(":")[2]
    named = {"bool": "true or false", "null": "nothing", "str": "text", "timestamp": "a date"}
    return named.get(kind, "a number" if kind in {"int", "float"} else f"a {kind}")
