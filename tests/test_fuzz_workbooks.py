"""Damaged workbooks are refused, or read as what they were before the damage."""

import io
import random
import re
import time
import zipfile
from pathlib import Path

import pytest
from hostile.parts import valid_parts, write_zip

from d_q_trial.errors import UserError
from d_q_trial.spreadsheet import loader
from d_q_trial.trial import load_trial
from d_q_trial.workbook import reader

DATA = Path(__file__).parents[1] / "data"
SECONDS = 10

INSERTED = ["", "0", "-1", "1e999", "NaN", "x" * 3000, "&amp;", "−", "99999999999", "A1", "rId1", "٣", "1.5", " "]
VALUES = ["", "#N/A", "1e400", "-0", "0x10", "1,5", "TRUE", "2024-07-22", "45000.5", "-1", "1e-320", "9" * 20]
TYPES = ["s", "str", "inlineStr", "b", "e", "d", "n", "zz", ""]
XML, CELLS = r"(xl/|_rels|\[)(?!.*theme)", r"xl/worksheets/sheet.*\.xml"  # the parts in which something is changed
# What changes a match in them: attributes, texts and tags, most of it still well-formed XML; and type and value of a cell.
EDITS = (
    (XML, r'="([^"<]*)"', lambda match, chance: f'="{chance.choice(INSERTED)}"'),  # an attribute's value
    (XML, r' [\w:]+="[^"<]*"', lambda match, chance: ""),  # an attribute goes
    (XML, r">([^<]+)<", lambda match, chance: f">{chance.choice(INSERTED)}<"),  # a text
    (XML, r"<(\w+)[^<>]*(?:/>|>[^<>]*</\1>)", lambda match, chance: match[0] * chance.choice((0, 2))),  # an element
    (XML, r"(?<=[ <])\w+(?=[ =>])", lambda match, chance: chance.choice(["c", "row", "v", "is", "f", "zz"])),  # a name
    (
        CELLS,
        r'<c r="(\w+)"[^>]*><v>[^<]*</v></c>',
        lambda match, chance: f'<c r="{match[1]}" t="{chance.choice(TYPES)}"><v>{chance.choice(VALUES)}</v></c>',
    ),
)


def flip_bytes(content, chance):
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 10, 100))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut(content, chance):
    start = chance.choice((0, 0, 0, chance.randrange(100)))
    return content[start : chance.randrange(start, len(content))]


def replace_part(parts, chance):
    name = chance.choice(sorted(parts))
    whole = parts[name]
    changed = (None, None, b"", whole[: chance.randrange(len(whole) + 1)], b"<a/>", whole * 2)
    return parts | {name: chance.choice(changed)}


def edit_part(parts, chance):
    """Change matches in a part, each looked for from a place by chance."""
    names, pattern, change = chance.choice(EDITS)
    name = chance.choice([part for part in sorted(parts) if re.match(names, part)])
    text = parts[name].decode("utf-8")
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        match = re.compile(pattern).search(text, chance.randrange(len(text) + 1)) or re.search(pattern, text)
        text = text[: match.start()] + change(match, chance) + text[match.end() :] if match else text
    return parts | {name: text.encode("utf-8")}


def damaged(content, number):
    """A damaged variant of a workbook's bytes, and whether the archive's checksums tell the damage."""
    chance, kind = random.Random(number), (flip_bytes, cut, replace_part, edit_part, edit_part)[number % 5]
    if told := kind in (flip_bytes, cut):
        return kind(content, chance), told
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO()
    write_zip(stream, kind(parts, chance), zipfile.ZIP_STORED)
    return stream.getvalue(), told


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

    monkeypatch.setattr(reader, "load_workbook", load)


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
    write_zip(path, valid_parts())
    if name != "small":
        path.write_bytes((DATA / "reconstructed.xlsx").read_bytes())
    sound, read, refused = reader.read_workbook(path, trial).frame, 0, 0
    content = path.read_bytes()
    for number in numbers:
        variant, told = damaged(content, number)
        path.write_bytes(variant)
        started = time.process_time()
        try:
            participants = reader.read_workbook(path, trial)
            read += 1
            # What is read in spite of such damage has to be what was there before.
            assert not told or participants.frame.equals(sound), number
        except UserError as error:
            refused += bool(str(error).strip())
        except BaseException as error:  # also panics of the compiled reader, which are no Exception
            pytest.fail(f"{number}: {type(error).__name__}: {error}")
        assert time.process_time() - started < SECONDS, number
    assert read + refused == len(numbers)
    assert min(read, refused) > 0.1 * len(numbers) or name != "small"  # else the damage is too mild or too crude
