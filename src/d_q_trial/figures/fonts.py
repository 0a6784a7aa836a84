"""The typeface of the figures: DejaVu Sans as matplotlib brings it, cut down to the letters that are used.

Embedding text in a PDF means cutting the font down for every file; with the whole of DejaVu Sans, its
tables for Arabic and the like included, that takes longer than all drawing. So it is cut down once per process.
"""

from __future__ import annotations

import atexit
import functools
import io
import shutil
import tempfile
from pathlib import Path

FAMILY = "D-Q Trial Sans"  # a changed font may not keep the name of the original
FALLBACK = "DejaVu Sans"  # for letters outside of what is kept
_FILES = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf"}
# Latin, Greek, punctuation, super- and subscripts, arrows, mathematical signs, geometric shapes.
_KEPT = ((0x20, 0x17F), (0x370, 0x3FF), (0x2010, 0x2044), (0x2070, 0x209C), (0x2190, 0x21FF), (0x2200, 0x2265))
_DROPPED_TABLES = ["GSUB", "GPOS", "GDEF", "FFTM", "fpgm", "prep", "cvt ", "gasp", "MATH"]


@functools.cache
def register() -> list[str]:
    """Make the typeface known to matplotlib, and return the families to ask for, best first."""
    import matplotlib as mpl
    from matplotlib import font_manager

    folder = _folder()
    for style, file in _FILES.items():
        path = folder / f"{style}.ttf"
        path.write_bytes(_cut_down(Path(mpl.get_data_path()) / "fonts" / "ttf" / file, style))
        font_manager.fontManager.addfont(path)
    return [FAMILY, FALLBACK]


def _folder() -> Path:
    """Make a folder that lives as long as the process, since the files are read whenever text is drawn."""
    folder = Path(tempfile.mkdtemp(prefix="d-q-trial-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _cut_down(path: Path, style: str) -> bytes:
    """Keep the letters of ``_KEPT`` without hints and layout rules, under another name."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(
        drop_tables=_DROPPED_TABLES, layout_features=[], hinting=False, name_IDs=[1, 2, 3, 4, 6], notdef_outline=True,
        recalc_timestamp=False, glyph_names=True,
    )  # fmt: skip
    names = {1: FAMILY, 2: style, 3: f"{FAMILY} {style}", 4: f"{FAMILY} {style}", 6: f"DQTrialSans-{style}"}
    buffer = io.BytesIO()
    with TTFont(path, lazy=True, recalcTimestamp=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[code for first, last in _KEPT for code in range(first, last + 1)])
        cutter.subset(font)
        for record in font["name"].names:
            if record.nameID in names:
                record.string = names[record.nameID]
        font.save(buffer)
    return buffer.getvalue()
