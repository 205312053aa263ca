"""Which of our modules, and which packages of others, the service needs: read from its imports."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules(start: str, root: Path = ROOT) -> dict[str, Path]:
    """Return a module and all of ours that it loads, at whatever remove: their files by name."""
    found: dict[str, Path] = {}
    left = [start]
    while left:
        name = left.pop()
        file = _file(name, root)
        if name in found or file is None:
            continue
        found[name] = file
        # Python runs a module's packages before it.
        left += [name.rpartition(".")[0], *_imported(file, root)]
    return dict(sorted(found.items()))


def packages(files: Iterable[Path], root: Path = ROOT) -> list[str]:
    """Return the distributions of others that files load, by name."""
    names = {name for file in files for name in _imported(file, root)}
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    held_in = importlib.metadata.packages_distributions()
    others = {top for top in tops if _file(top, root) is None and top in held_in}
    return sorted({held_in[top][0].lower().replace("_", "-") for top in others})


def _file(name: str, root: Path) -> Path | None:
    place = root.joinpath(*name.split("."))
    files = (place / "__init__.py", place.with_suffix(".py")) if name else ()
    return next((file for file in files if file.is_file()), None)


def _imported(file: Path, root: Path) -> Iterator[str]:
    """Yield each name that a file may import as a module.

    Those within functions count where calls may run them: in the service's files, and in what it
    loads of training, such as a model's compiled loops. They do not in a package's own file, which
    finds training by name for notebooks, nor in features: those are of engines that a service
    does not have.
    """
    of_models = file.is_relative_to(root / "training") and file.name != "__init__.py"
    within = of_models or file.is_relative_to(root / "serving")
    return _named(ast.parse(file.read_bytes()).body, within)


def _named(body: Iterable[ast.AST], within_functions: bool) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # What is imported of a package may be a module.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _named(node.orelse, within_functions)
        elif within_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _named(ast.iter_child_nodes(node), within_functions)
