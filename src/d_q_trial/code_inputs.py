"""Derive which code a step of the workflow depends on, from the imports of its command.

A step reruns when the code that it runs changes. This code is the function of the command in ``cli.py``, the definitions
there that it names, and every module that these import, directly or indirectly. Data files such as templates belong to it
too: all those in a subpackage with such a module, and the YAML file named after a module.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

import grimp

PACKAGE = Path(__file__).parent
NAME = PACKAGE.name
CLI = f"{NAME}.cli"
_GRAPH = grimp.build_graph(NAME, exclude_type_checking_imports=True, cache_dir=None)
_STATEMENTS = ast.parse((PACKAGE / "cli.py").read_text(encoding="utf-8")).body


def list_modules(command: str) -> list[Path]:
    """Return the sorted files of all modules that a command imports, directly or not; KeyError if it does not exist."""
    used_lines = {line for node in _find_code(command) for line in range(node.lineno, node.end_lineno + 1)}
    imported = {
        module
        for module in _GRAPH.find_modules_directly_imported_by(CLI)
        for statement in _GRAPH.get_import_details(importer=CLI, imported=module)
        if statement["line_number"] in used_lines
    }
    modules = imported.union(*map(_GRAPH.find_upstream_modules, imported))
    files = {PACKAGE.parent.joinpath(*module.split(".")) for module in modules}
    packages = {folder / "__init__.py" for file in files for folder in (file, *file.parents)}
    return sorted(path for path in packages | {file.with_suffix(".py") for file in files} if path.is_file())


def code_checksum(command: str) -> str:
    """Return a checksum of the code of a command; comments and layout do not affect it."""
    checksum = hashlib.sha256("".join(map(ast.dump, _find_code(command))).encode())
    modules = list_modules(command)
    for path in modules:
        checksum.update(_module_checksum(path))
    data_files = [path.with_suffix(".yaml") for path in modules if path.parent == PACKAGE]
    for folder in sorted({path.parent for path in modules} - {PACKAGE}):
        data_files += sorted(folder.rglob("*"))
    for path in data_files:
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            checksum.update(path.name.encode() + path.read_bytes())
    return checksum.hexdigest()[:16]


@cache
def _module_checksum(path: Path) -> bytes:
    code = ast.dump(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    return hashlib.sha256((path.name + code).encode()).digest()


def _find_code(command: str) -> list[ast.stmt]:
    """Return the statements of ``cli.py`` that define nothing, the command, and the definitions that it names."""
    code, definitions, names = list[ast.stmt](), {}, [command]
    for node in _STATEMENTS:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            code.append(node)
        elif node.name == command or not node.decorator_list:  # what is decorated is another command
            definitions[node.name] = node
    for name in names:  # the list grows during the loop
        code.append(definitions[name])
        named = {node.id for node in ast.walk(definitions[name]) if isinstance(node, ast.Name)}
        names += sorted(named & {*definitions} - {*names})
    return code
