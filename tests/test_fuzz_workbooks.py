"""Damaged workbooks are refused, or read as what they were before the damage."""

import io
import random
import re
import time
import zipfile
from pathlib import Path

import pytest
from hostile.parts import sound_parts, write

from d_q_trial.errors import UserError
from d_q_trial.spreadsheet import loader
from d_q_trial.trial import load_trial
from d_q_trial.workbook import reader

DATA = Path(__file__).parents[1] / "data"
SECONDS = 10
# Damage below the archive's checksums: whatever is read in spite of it has to be what was there before.
OF_THE_ARCHIVE = ("flip_bytes", "cut")

INSERTED = ["", "0", "-1", "1e999", "NaN", "x" * 3000, "&amp;", "−", "99999999999", "A1", "rId1", "٣", "1.5", " "]
VALUES = ["", "#N/A", "1e400", "-0", "0x10", "1,5", "TRUE", "2024-07-22", "45000.5", "-1", "1e-320", "9" * 20]
TYPES = ["s", "str", "inlineStr", "b", "e", "d", "n", "zz", ""]
NAMES = ["c", "row", "v", "is", "f", "zz", "r"]


def variants(content, numbers, seed):
    """Yield (name, bytes) of damaged variants of a workbook's bytes, kinds in turn."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    kinds = (flip_bytes, flip_bytes, cut, cut, drop_part, empty_part, edit_xml, edit_xml, edit_xml, edit_value)
    for number in numbers:
        chance = random.Random(f"{seed}/{number}")
        kind = kinds[number % len(kinds)]
        damaged = kind(content, dict(parts), chance)
        if isinstance(damaged, dict):  # a sound archive around damaged parts: checksums are of no help here
            stream = io.BytesIO()
            write(stream, damaged, zipfile.ZIP_STORED)
            damaged = stream.getvalue()
        yield f"{kind.__name__}-{seed}-{number}", damaged


def flip_bytes(content, parts, chance):
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 10, 100))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut(content, parts, chance):
    start = chance.choice((0, 0, 0, chance.randrange(100)))
    return content[start : chance.randrange(start, len(content))]


def drop_part(content, parts, chance):
    del parts[chance.choice(sorted(parts))]
    return parts


def empty_part(content, parts, chance):
    name = chance.choice(sorted(parts))
    parts[name] = chance.choice((b"", parts[name][: chance.randrange(len(parts[name]) + 1)], b"<a/>", parts[name] * 2))
    return parts


# What changes a match: attributes, texts and tags, most of it still well-formed XML; and type and value of a cell.
XML_EDITS = (
    (r'="([^"<]*)"', lambda match, chance: f'="{chance.choice(INSERTED)}"'),  # an attribute's value
    (r' [\w:]+="[^"<]*"', lambda match, chance: ""),  # an attribute goes
    (r">([^<]+)<", lambda match, chance: f">{chance.choice(INSERTED)}<"),  # a text
    (
        r"<(\w+)[^<>]*>[^<>]*</\1>",
        lambda match, chance: match[0] * chance.choice((0, 2, 3)),
    ),  # an element goes or repeats
    (r"<\w+[^<>]*/>", lambda match, chance: match[0] * chance.choice((0, 2))),  # a lonely tag goes, or comes twice
    (r"(?<=[ <])\w+(?=[ =>])", lambda match, chance: chance.choice(NAMES)),  # another name of an element or attribute
)
CELL = r'<c r="(\w+)"[^>]*><v>[^<]*</v></c>'
CELL_EDITS = (
    (CELL, lambda match, chance: f'<c r="{match[1]}" t="{chance.choice(TYPES)}"><v>{chance.choice(VALUES)}</v></c>'),
)


def edit_xml(content, parts, chance):
    return edited(parts, chance, r"(xl/|_rels|\[)(?!.*theme)", XML_EDITS, (1, 1, 2, 5))


def edit_value(content, parts, chance):
    return edited(parts, chance, r"xl/worksheets/sheet.*\.xml", CELL_EDITS, (1, 3, 20))


def edited(parts, chance, names, edits, times):
    """Change matches in a part of one of these names, each looked for from a place by chance."""
    name = chance.choice([part for part in sorted(parts) if re.match(names, part)])
    text = parts[name].decode("utf-8")
    for _ in range(chance.choice(times)):
        pattern, change = chance.choice(edits)
        match = re.compile(pattern).search(text, chance.randrange(len(text) + 1)) or re.search(pattern, text)
        text = text[: match.start()] + change(match, chance) + text[match.end() :] if match else text
    parts[name] = text.encode("utf-8")
    return parts


@pytest.fixture
def in_process(monkeypatch):
    """Read in this process, as the reading process does, to try many files a second."""

    def load(path):
        try:
            return loader.read_file(path)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{path}: damaged ({error})") from None

    monkeypatch.setattr(reader, "load", load)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("small", range(100)),
        pytest.param("small", range(100, 600), marks=pytest.mark.slow),
        pytest.param("reconstructed", range(50), marks=pytest.mark.slow),
    ],
)
def test_damaged_workbooks_are_refused_or_read_right(name, numbers, tmp_path):
    path, trial = tmp_path / "data.xlsx", load_trial(DATA / "trial.yaml")
    write(path, sound_parts())
    if name != "small":
        path.write_bytes((DATA / "reconstructed.xlsx").read_bytes())
    sound, read, refused = reader.read_workbook(path, trial).frame, 0, 0
    for kind, damaged in variants(path.read_bytes(), numbers, "small"):
        path.write_bytes(damaged)
        started = time.process_time()
        try:
            participants = reader.read_workbook(path, trial)
            read += 1
            assert not kind.startswith(OF_THE_ARCHIVE) or participants.frame.equals(sound), kind
        except UserError as error:
            refused += bool(str(error).strip())
        except BaseException as error:  # also panics of the compiled reader, which are no Exception
            pytest.fail(f"{kind}: {type(error).__name__}: {error}")
        assert time.process_time() - started < SECONDS, kind
    assert read + refused == len(numbers)
    assert min(read, refused) > 0.1 * len(numbers) or name != "small"  # else the damage is too mild or too crude
