"""The typeface of the figures: DejaVu Sans as matplotlib brings it, cut down to the letters that are used.

Embedding text in a PDF means cutting the font down for every file; with the whole of DejaVu Sans, its tables for Arabic
and the like included, that takes longer than all drawing. So it is cut down once, and kept in matplotlib's cache folder.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from ..files import atomic

FAMILY = "DQ Trial Sans"  # a changed font may not keep the name of the original; also in journal.mplstyle
FALLBACK = "DejaVu Sans"  # for letters outside of what is kept
_FILES = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf", "Oblique": "DejaVuSans-Oblique.ttf"}
# Latin, Greek, punctuation, super- and subscripts, arrows, mathematical signs, geometric shapes.
_KEPT = ((0x20, 0x17F), (0x370, 0x3FF), (0x2010, 0x2044), (0x2070, 0x209C), (0x2190, 0x21FF), (0x2200, 0x2265))
_DROPPED_TABLES = ["GSUB", "GPOS", "GDEF", "FFTM", "fpgm", "prep", "cvt ", "gasp", "MATH"]


@functools.cache
def register() -> list[str]:
    """Make the typeface known to matplotlib, and return the families to ask for, best first."""
    import matplotlib as mpl
    from matplotlib import font_manager

    for style, file in _FILES.items():
        source = Path(mpl.get_data_path()) / "fonts" / "ttf" / file
        # Named by what it is made from, so that neither another version nor another selection of letters uses it.
        origin = hashlib.sha256(
            f"{source.stat().st_size} {mpl.__version__} {FAMILY} {_KEPT} {_DROPPED_TABLES}".encode()
        )
        path = Path(mpl.get_cachedir()) / f"d-q-trial-{style}-{origin.hexdigest()[:12]}.ttf"
        if not path.exists():
            with atomic(path) as temporary:
                _cut_down(source, style, temporary)
        font_manager.fontManager.addfont(path)
    return [FAMILY, FALLBACK]


def _cut_down(source: Path, style: str, target: Path) -> None:
    """Keep the letters of ``_KEPT`` without hints and layout rules, under another name."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(
        drop_tables=_DROPPED_TABLES, layout_features=[], hinting=False, name_IDs=[1, 2, 3, 4, 6], notdef_outline=True,
        recalc_timestamp=False, glyph_names=True,
    )  # fmt: skip
    names = {1: FAMILY, 2: style, 3: f"{FAMILY} {style}", 4: f"{FAMILY} {style}", 6: f"DQTrialSans-{style}"}
    with TTFont(source, lazy=True, recalcTimestamp=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[code for first, last in _KEPT for code in range(first, last + 1)])
        cutter.subset(font)
        for record in font["name"].names:
            if record.nameID in names:
                record.string = names[record.nameID]
        font.save(target)
