"""Derive which code a step of the workflow depends on, from the imports of its command.

A step reruns when the code that it runs changes. Its code is the function of its command in ``cli.py``, the properties of
``Context`` that it uses, and every module that these import, directly or not; a folder with templates or other data files
counts as a whole, and a module's own YAML file with it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
NAME = __package__ or PACKAGE.name


def modules_of(command: str) -> list[Path]:
    """Return the files of the modules that a command imports, directly or not, in alphabetical order; else KeyError."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    head = [node for node in _command_line() if not isinstance(node, kinds)]
    waiting = list(_imported(ast.Module([*head, *_functions(command)], []), NAME))
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


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly within a node; expressions, which hold none that matter here, are passed over."""
    for part in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, part, ())


def _parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # grows while it is walked
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        nodes += _blocks(node)
    return tree


@cache
def _read(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Return a checksum of a module and the files that it imports, not the tree: a heap of trees slows every collection."""
    tree = _parse(path)
    package = [NAME, *path.relative_to(PACKAGE).parent.parts]
    return path.name.encode() + hashlib.sha256(ast.dump(tree).encode()).digest(), (*_imported(tree, ".".join(package)),)


@cache
def _command_line() -> list[ast.stmt]:
    """Return the statements of ``cli.py``."""
    return _parse(PACKAGE / "cli.py").body


def _functions(command: str) -> list[ast.FunctionDef]:
    """Return the function of a command, and the methods of ``Context`` that it uses, directly or not."""
    body = _command_line()
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    (context,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == "Context")
    methods = {node.name: node for node in context.body if isinstance(node, ast.FunctionDef)}
    found = [functions[command], methods["__init__"]]
    for function in found:  # grows while it is walked
        attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
        used = [node.attr for node in attributes if ast.unparse(node.value) in ("context", "self")]
        found += [methods[name] for name in dict.fromkeys(used) if name in methods and methods[name] not in found]
    return found


def _imported(tree: ast.AST, package: str) -> Iterator[Path]:
    """Yield the files of this package that the statements of a tree import, type checking aside."""
    nodes = list(_blocks(tree))
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            nodes += node.orelse
        elif isinstance(node, ast.ImportFrom):
            yield from _files_of(node, package)
        else:
            nodes += _blocks(node)


def _files_of(node: ast.ImportFrom, package: str) -> Iterator[Path]:
    """Yield the modules that ``from x import a, b`` loads: the packages on the way, x, and a and b if they are modules."""
    if node.level:
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
    elif (node.module or "").split(".")[0] == NAME:
        base = []
    else:
        return
    parts = [*base, *(node.module or "").split(".")] if node.module else base
    names = [[*parts[:length]] for length in range(2, len(parts) + 1)] + [[*parts, alias.name] for alias in node.names]
    for name in names:
        path = PACKAGE.joinpath(*name[1:])
        if (path / "__init__.py").is_file():
            yield path / "__init__.py"
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")
