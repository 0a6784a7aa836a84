"""Damage to a sound workbook, many ways, each reproducible from its seed."""

import io
import random
import re
import zipfile

from .parts import write


def variants(content, count, seed):
    """Yield (name, bytes) of ``count`` damaged variants of a workbook's bytes, kinds in turn."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    kinds = (
        _flip_bytes,
        _cut,
        _swap_blocks,
        _zero_block,
        _drop_part,
        _empty_part,
        _edit_xml,
        _edit_xml,
        _edit_xml,
        _edit_value,
    )
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        kind = kinds[number % len(kinds)]
        damaged = kind(content, dict(parts), chance)
        if isinstance(damaged, dict):  # a sound archive around damaged parts: checksums are of no help here
            stream = io.BytesIO()
            write(stream, damaged, zipfile.ZIP_STORED)
            damaged = stream.getvalue()
        yield f"{kind.__name__[1:]}-{seed}-{number}", damaged


def _flip_bytes(content, parts, chance):
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 10, 100))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _cut(content, parts, chance):
    start = chance.choice((0, 0, 0, chance.randrange(100)))
    return content[start : chance.randrange(start, len(content))]


def _swap_blocks(content, parts, chance):
    a, b, c = sorted(chance.randrange(len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def _zero_block(content, parts, chance):
    at = chance.randrange(len(content))
    size = chance.randrange(1, 2000)
    return content[:at] + bytes(min(size, len(content) - at)) + content[at + size :]


def _drop_part(content, parts, chance):
    del parts[chance.choice(sorted(parts))]
    return parts


def _empty_part(content, parts, chance):
    name = chance.choice(sorted(parts))
    parts[name] = chance.choice((b"", parts[name][: chance.randrange(len(parts[name]) + 1)], b"<a/>", parts[name] * 2))
    return parts


_INSERTED = (
    "",
    "0",
    "-1",
    "1e999",
    "NaN",
    "x" * 3000,
    "&amp;",
    "\u2212",
    "99999999999",
    "A1",
    "rId1",
    "\u0663",
    "1.5",
    " ",
)


def _edit_xml(content, parts, chance):
    """Change attributes, texts and tags; most results are still well-formed XML."""
    name = chance.choice([n for n in sorted(parts) if n.startswith(("xl/", "_rels", "[")) and "theme" not in n])
    text = parts[name].decode("utf-8")
    for _ in range(chance.choice((1, 1, 2, 5))):
        action = chance.randrange(6)
        if action == 0:  # an attribute's value
            text = _replace_one(text, r'="([^"<]*)"', lambda m: f'="{chance.choice(_INSERTED)}"', chance)
        elif action == 1:  # an attribute goes
            text = _replace_one(text, r' [\w:]+="[^"<]*"', lambda m: "", chance)
        elif action == 2:  # a text
            text = _replace_one(text, r">([^<]+)<", lambda m: f">{chance.choice(_INSERTED)}<", chance)
        elif action == 3:  # an element with its content goes, or comes twice
            text = _replace_one(text, r"<(\w+)[^<>]*>[^<>]*</\1>", lambda m: m[0] * chance.choice((0, 2, 3)), chance)
        elif action == 4:  # a lonely tag goes, or comes twice
            text = _replace_one(text, r"<\w+[^<>]*/>", lambda m: m[0] * chance.choice((0, 2)), chance)
        else:  # another name of an element or attribute
            text = _replace_one(
                text, r"(?<=[ <])\w+(?=[ =>])", lambda m: chance.choice(("c", "row", "v", "is", "f", "zz", "r")), chance
            )
    parts[name] = text.encode("utf-8")
    return parts


_VALUES = (
    "#N/A",
    "1e400",
    "-0",
    "0x10",
    "1,5",
    "TRUE",
    "2024-07-22",
    "45000.5",
    "",
    "-1",
    "1e-320",
    "99999999999999999999",
)
_TYPES = ("s", "str", "inlineStr", "b", "e", "d", "n", "zz", "")


def _edit_value(content, parts, chance):
    """Change the type and the stored value of some cells of a sheet."""
    name = chance.choice([n for n in sorted(parts) if "worksheets/sheet" in n and n.endswith(".xml")])
    text = parts[name].decode("utf-8")
    for _ in range(chance.choice((1, 3, 20))):
        cell = f'<c r="\\1" t="{chance.choice(_TYPES)}"><v>{chance.choice(_VALUES)}</v></c>'
        text = _replace_one(text, r'<c r="(\w+)"[^>]*><v>[^<]*</v></c>', lambda m, cell=cell: m.expand(cell), chance)
    parts[name] = text.encode("utf-8")
    return parts


def _replace_one(text, pattern, change, chance):
    """Change one match of a pattern, looked for from a place by chance."""
    start = chance.randrange(len(text) + 1)
    match = re.compile(pattern).search(text, start) or re.search(pattern, text)
    return text[: match.start()] + change(match) + text[match.end() :] if match else text
