"""Derive which code a step of the workflow depends on, from the imports of its command.

A step reruns when the code that it runs changes. This code is the function of the command in ``cli.py``, the methods of
``Context`` that it uses, and every module that these import, directly or indirectly. Data files such as templates belong
to it too: all those in a subpackage with such a module, and the YAML file named after a module.
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


def list_modules(command: str) -> list[Path]:
    """Return the sorted files of all modules that a command imports, directly or not; KeyError if it does not exist."""
    top_level = [node for node in _parse_cli() if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    imports, modules = [*_find_imports([*top_level, *_find_functions(command)], NAME)], set[Path]()
    for path in imports:  # the list grows during the loop
        if path not in modules:
            modules.add(path)
            imports += _analyse_module(path)[1]
    return sorted(modules)


def code_checksum(command: str) -> str:
    """Return a checksum of the code of a command; comments, docstrings and layout do not affect it."""
    checksum = hashlib.sha256("".join(map(ast.dump, _find_functions(command))).encode())
    modules = list_modules(command)
    for path in modules:
        checksum.update(_analyse_module(path)[0])
    data_files = [path.with_suffix(".yaml") for path in modules if path.parent == PACKAGE]
    for folder in sorted({path.parent for path in modules} - {PACKAGE}):
        data_files += sorted(folder.rglob("*"))
    for path in data_files:
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            checksum.update(path.name.encode() + path.read_bytes())
    return checksum.hexdigest()[:16]


def _parse(path: Path) -> list[ast.stmt]:
    """Return the statements of a module without docstrings and without imports that only type annotations need."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in _walk_statements([tree]):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = [ast.Pass()]
    return tree.body


def _walk_statements(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and all statements inside them, but no expressions: these would take most of the time."""
    for node in nodes:  # the list grows during the loop
        yield node
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            nodes += getattr(node, part, ())


@cache
def _analyse_module(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Return a checksum of a module and the files that it imports; caching the tree would slow garbage collection."""
    statements = _parse(path)
    package = ".".join([NAME, *path.relative_to(PACKAGE).parent.parts])
    checksum = hashlib.sha256("".join([path.name, *map(ast.dump, statements)]).encode()).digest()
    return checksum, (*_find_imports(statements, package),)


@cache
def _parse_cli() -> list[ast.stmt]:
    return _parse(PACKAGE / "cli.py")


def _find_functions(command: str) -> list[ast.FunctionDef]:
    """Return the function of a command and the methods of ``Context`` that it uses, directly or indirectly."""
    definitions = {node.name: node for node in _parse_cli() if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    methods = {node.name: node for node in definitions["Context"].body if isinstance(node, ast.FunctionDef)}
    functions = [definitions[command], methods["__init__"]]
    for function in functions:  # the list grows during the loop
        attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
        names = dict.fromkeys(node.attr for node in attributes if ast.unparse(node.value) in ("context", "self"))
        functions += [methods[name] for name in names if name in methods and methods[name] not in functions]
    return functions


def _find_imports(statements: Iterable[ast.AST], package: str) -> Iterator[Path]:
    """Yield the files of this package that statements in a module of ``package`` import.

    ``from x import a, b`` loads the parent packages of x, x itself, and a and b if they are modules.
    """
    for node in _walk_statements([*statements]):
        if not isinstance(node, ast.ImportFrom):
            continue
        root, *parts = resolve_name("." * node.level + (node.module or ""), package).split(".")
        if root == NAME:
            modules = [parts[: end + 1] for end in range(len(parts))] + [[*parts, alias.name] for alias in node.names]
            for path in (PACKAGE.joinpath(*module) for module in modules):
                yield from filter(Path.is_file, (path / "__init__.py", path.with_suffix(".py")))
