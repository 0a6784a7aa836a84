"""Damaged workbooks are refused, or read as before the damage."""

import io
import random
import re
import time
import zipfile
from pathlib import Path

import pytest
from hostile.parts import valid_parts, write_zip

from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial
from d_q_trial.workbook import reader

DATA = Path(__file__).parents[1] / "data"
SECONDS = 10

INSERTED = ["", "0", "-1", "1e999", "NaN", "x" * 3000, "&amp;", "−", "99999999999", "A1", "rId1", "٣", "1.5", " "]
VALUES = ["", "#N/A", "1e400", "-0", "0x10", "1,5", "TRUE", "2024-07-22", "45000.5", "-1", "1e-320", "9" * 20]
TYPES = ["s", "str", "inlineStr", "b", "e", "d", "n", "zz", ""]
XML, CELLS = r"(xl/|_rels|\[)(?!.*theme)", r"xl/worksheets/sheet.*\.xml"  # the parts in which something is changed
# Changes of a match in them: of attributes, texts and tags, mostly to well-formed XML, and of the type and value of a cell.
EDITS = (
    (XML, r'="([^"<]*)"', lambda match, chance: f'="{chance.choice(INSERTED)}"'),  # an attribute's value
    (XML, r' [\w:]+="[^"<]*"', lambda match, chance: ""),  # an attribute is removed
    (XML, r">([^<]+)<", lambda match, chance: f">{chance.choice(INSERTED)}<"),  # a text
    (XML, r"<(\w+)[^<>]*(?:/>|>[^<>]*</\1>)", lambda match, chance: match[0] * chance.choice((0, 2))),  # an element
    (XML, r"(?<=[ <])\w+(?=[ =>])", lambda match, chance: chance.choice(["c", "row", "v", "is", "f", "zz"])),  # a name
    (
        CELLS,
        r'<c r="(\w+)"[^>]*><v>[^<]*</v></c>',
        lambda match, chance: f'<c r="{match[1]}" t="{chance.choice(TYPES)}"><v>{chance.choice(VALUES)}</v></c>',
    ),
)


def flip_bits(content, chance):
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 10, 100))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(content, chance):
    start = chance.choice((0, 0, 0, chance.randrange(100)))
    return content[start : chance.randrange(start, len(content))]


def replace_part(parts, chance):
    name = chance.choice(sorted(parts))
    part = parts[name]
    replacements = (None, None, b"", part[: chance.randrange(len(part) + 1)], b"<a/>", part * 2)
    return parts | {name: chance.choice(replacements)}


def edit_part(parts, chance):
    """Change matches in a part, each found from a random position."""
    names, pattern, change = chance.choice(EDITS)
    name = chance.choice([part for part in sorted(parts) if re.match(names, part)])
    text = parts[name].decode("utf-8")
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        match = re.compile(pattern).search(text, chance.randrange(len(text) + 1)) or re.search(pattern, text)
        text = text[: match.start()] + change(match, chance) + text[match.end() :] if match else text
    return parts | {name: text.encode("utf-8")}


def damage(content, number):
    """Return a damaged variant of a workbook's bytes, and whether checksums of the archive reveal the damage."""
    chance, change = random.Random(number), (flip_bits, truncate, replace_part, edit_part, edit_part)[number % 5]
    if change in (flip_bits, truncate):
        return change(content, chance), True
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO()
    write_zip(stream, change(parts, chance), zipfile.ZIP_STORED)
    return stream.getvalue(), False


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("small", range(100)),
        pytest.param("small", range(100, 2000), marks=pytest.mark.slow),
        pytest.param("reconstructed", range(50), marks=pytest.mark.slow),
    ],
)
def test_damaged_workbook_is_refused_or_read_as_before_the_damage(name, numbers, tmp_path):
    path, trial = tmp_path / "data.xlsx", load_trial(DATA / "trial.yaml")
    write_zip(path, valid_parts())
    if name != "small":
        path.write_bytes((DATA / "reconstructed.xlsx").read_bytes())
    sound, content = reader.read_workbook(path, trial).frame, path.read_bytes()
    read, refused = 0, 0
    for number in numbers:
        variant, is_detectable = damage(content, number)
        path.write_bytes(variant)
        started = time.process_time()
        try:
            participants = reader.read_workbook(path, trial)
            read += 1
            assert not is_detectable or participants.frame.equals(sound), number
        except UserError as error:
            refused += bool(str(error).strip())
        except BaseException as error:  # also panics of the compiled reader, which are not an Exception
            pytest.fail(f"{number}: {type(error).__name__}: {error}")
        assert time.process_time() - started < SECONDS, number
    assert read + refused == len(numbers)
    assert min(read, refused) > 0.1 * len(numbers) or name != "small"  # else the damage is too mild or too crude
