"""Derive which code a step of the workflow depends on, from the imports of its command.

A step reruns when the code that it runs changes. Its code is the function of its command in ``cli.py``, the properties of
``Context`` that it uses, and every module that these import, directly or not; a folder with templates or other data files
counts as a whole, and a module's own YAML file with it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parent
NAME = __package__ or PACKAGE.name


def modules_of(command: str) -> list[Path]:
    """Return the files of the modules that a command imports, directly or not, in alphabetical order; else KeyError."""
    head = [node for node in _command_line() if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    waiting = [*_imported([*head, *_functions(command)], NAME)]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _read(path)[1]
    return sorted(found)


def digest(command: str) -> str:
    """Return a checksum of the code of a command that comments, docstrings and layout do not change."""
    total = hashlib.sha256("".join(map(ast.dump, _functions(command))).encode())
    modules = modules_of(command)
    for path in modules:
        total.update(_read(path)[0])
    beside = [path.with_suffix(".yaml") for path in modules if path.parent == PACKAGE]
    for folder in sorted({path.parent for path in modules} - {PACKAGE}):
        beside += sorted(folder.rglob("*"))
    for path in beside:
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:16]


def _parse(path: Path) -> list[ast.stmt]:
    """Return the statements of a module without docstrings, and without what is imported for the types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in _walk([tree]):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = [ast.Pass()]
    return tree.body


def _walk(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and all statements within: the expressions, which hold none, would take most of the time."""
    for node in nodes:  # grows while it is walked
        yield node
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            nodes += getattr(node, part, ())


@cache
def _read(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Return a checksum of a module and the files that it imports, not the tree: a heap of trees slows every collection."""
    body = _parse(path)
    package = ".".join([NAME, *path.relative_to(PACKAGE).parent.parts])
    return hashlib.sha256("".join([path.name, *map(ast.dump, body)]).encode()).digest(), (*_imported(body, package),)


@cache
def _command_line() -> list[ast.stmt]:
    return _parse(PACKAGE / "cli.py")


def _functions(command: str) -> list[ast.FunctionDef]:
    """Return the function of a command, and the methods of ``Context`` that it uses, directly or not."""
    named = {node.name: node for node in _command_line() if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    methods = {node.name: node for node in named["Context"].body if isinstance(node, ast.FunctionDef)}
    found = [named[command], methods["__init__"]]
    for function in found:  # grows while it is walked
        attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
        used = [node.attr for node in attributes if ast.unparse(node.value) in ("context", "self")]
        found += [methods[name] for name in dict.fromkeys(used) if name in methods and methods[name] not in found]
    return found


def _imported(statements: Iterable[ast.AST], package: str) -> Iterator[Path]:
    """Yield the files of this package that statements in a package import.

    ``from x import a, b`` loads the packages on the way to x, x itself, and a and b if they are modules.
    """
    for node in _walk([*statements]):
        if not isinstance(node, ast.ImportFrom):
            continue
        top, *parts = resolve_name("." * node.level + (node.module or ""), package).split(".")
        if top == NAME:
            ways = [parts[: end + 1] for end in range(len(parts))] + [[*parts, alias.name] for alias in node.names]
            for path in (PACKAGE.joinpath(*way) for way in ways):
                yield from filter(Path.is_file, (path / "__init__.py", path.with_suffix(".py")))
