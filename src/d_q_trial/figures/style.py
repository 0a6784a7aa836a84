"""The look of a page: journal widths, type, colours, and files that are identical on every machine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH_MM = 183.0  # of a page of two columns
PNG_DPI = 250
_MM_PER_INCH = 25.4
MM_PER_POINT = _MM_PER_INCH / 72
_FOLDER = Path(__file__).parent
_P = re.compile(r"^P$|\bP(?=,\n| [=<>≤]\s| from | not defined)")

INK = "#1a1a1a"
QUIET = "#6b6b6b"
GRID = "#9a9a9a"
BAND_FILL, BAND_INK = "#fff3cd", "#7a1f00"
BAND_MM = 5.0  # height of the band that carries the label of synthetic data

BODY, SMALL, TITLE, LETTER = 6.5, 6.0, 7.0, 9.0  # points
DASHED = {"color": GRID, "linewidth": 0.7, "dashes": (4, 3), "zorder": 0.5}  # lines of no effect and of alpha


def journal_style():
    """Return a context in which matplotlib uses the style of these figures, whatever its own settings."""
    import matplotlib as mpl

    _register_typeface()
    return mpl.rc_context(fname=_FOLDER / "journal.mplstyle")


@cache
def _register_typeface() -> None:
    from matplotlib import font_manager

    for path in sorted(_FOLDER.glob("typeface/*.ttf")):
        font_manager.fontManager.addfont(path)


@dataclass(frozen=True)
class Look:
    """Colour and marker of a group, distinguishable with colour blindness, in grey, and by shape."""

    face: str
    edge: str
    marker: str
    tint: str = "white"  # behind text

    def points(self, size: float, edge: float = 0.4) -> dict[str, Any]:
        """Return the properties of a line of markers; ``size`` and the width of their ``edge`` in points of type."""
        colours = {"markerfacecolor": self.face, "markeredgecolor": self.edge, "markeredgewidth": edge}
        return {"linestyle": "none", "marker": self.marker, "markersize": size} | colours


CONTROL = Look("#8cc1e6", "#2b6ea6", "o", "#e6f1fa")
TREATED = Look("#a63603", "#6b2300", "s", "#f8e6dc")
NEUTRAL = Look("#b9b9b9", "#4a4a4a", "o")
# From the lowest stratum to the highest, from light to dark.
STRATA = (
    Look("#a8d8c8", "#2f7d68", "o"),
    Look("#7b6fb0", "#40367a", "D"),
    Look("#3b1f6b", "#22103f", "^"),
    Look("#111111", "#000000", "v"),
)


def stratum_look(index: int, count: int) -> Look:
    """Return the look of stratum ``index`` (0 = lowest) of ``count``: two strata take light and dark."""
    return STRATA[2 * index if count == 2 else min(index, len(STRATA) - 1)]


@cache
def text_width(text: str, size: float = SMALL, weight: str = "normal") -> float:
    """Return the width of a text in millimetres, that of its longest line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    return max(text_to_path.get_text_width_height_descent(s, font, False)[0] for s in text.split("\n")) * MM_PER_POINT


def wrap_text(text: str, width: float, size: float = SMALL, weight: str = "normal") -> str:
    """Break lines between words, so that none is wider than ``width`` millimetres; a longer word is cut."""
    made, *words = (truncate(word, width, size, weight) for word in text.split(" "))
    for word in words:
        last = made.rpartition("\n")[2]
        made += f" {word}" if text_width(f"{last} {word}", size, weight) <= width else f"\n{word}"
    return made


def truncate(text: str, width: float, size: float = SMALL, weight: str = "normal") -> str:
    """Shorten a text to ``width`` millimetres, with an ellipsis; the description of the figure has it in full."""
    shorter = (f"{text[:letters].rstrip()}…" for letters in range(len(text) - 1, 0, -1))
    return next((given for given in (text, *shorter) if text_width(given, size, weight) <= width), "…")


class Page:
    """A figure laid out in millimetres from its top left corner.

    ``height`` excludes the band on top, which shows the ``label`` of data that have to be marked.
    """

    def __init__(self, width: float, height: float, label: str | None = None):
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        self.width, self.label = width, label
        self.top = BAND_MM if label else 0.0
        self.height = height + self.top
        self.figure: Figure = Figure(figsize=(width / _MM_PER_INCH, self.height / _MM_PER_INCH))
        if label:
            depth = BAND_MM / self.height
            look = {"transform": self.figure.transFigure, "facecolor": BAND_FILL, "linewidth": 0}
            self.figure.add_artist(Rectangle((0, 1 - depth), 1, depth, **look))
            look = {"color": BAND_INK, "weight": "bold", "size": TITLE, "gid": "label"}
            self.text(width / 2, -BAND_MM / 2, label, ha="center", va="center_baseline", **look)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes whose frame begins ``left`` and ``top`` millimetres from the corner below the band."""
        bottom = self.height - self.top - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def canvas(self) -> Axes:
        """Add axes without a frame over the page below the band; units are millimetres, y counts downwards."""
        depth = self.height - self.top
        axes = self.axes(0, 0, self.width, depth)
        axes.set(xlim=(0, self.width), ylim=(depth, 0))
        axes.axis("off")
        return axes

    def text(self, left: float, top: float, content: str, **style: Any) -> Text:
        """Write text, by default small, with its line at a place in millimetres."""
        look = {"va": "center_baseline", "size": SMALL} | style
        return self.figure.text(left / self.width, 1 - (self.top + top) / self.height, content, **look)

    def legend(self, names: Mapping[str, str], left: float, top: float, **style: Any) -> None:
        """Draw a legend at a place in millimetres; ``names`` maps labels of drawn artists to texts of the legend.

        Artists of several types with the same label, such as a line and its band, share an entry.
        """
        found: dict[str, dict[type, Any]] = defaultdict(dict)
        for ax in self.figure.axes:
            for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
                found[name].setdefault(type(handle), handle)
        shown = {text: tuple(reversed(found[name].values())) for name, text in names.items() if name in found}
        place = {"bbox_to_anchor": (left / self.width, 1 - (self.top + top) / self.height), "frameon": False}
        self.figure.legend(shown.values(), shown.keys(), **place, **style)

    def save(self, stem: Path | str, *, title: str) -> list[Path]:
        """Write ``stem``.pdf and ``stem``.png; the same page gives the same bytes.

        The PNG is the PDF rendered by pdfium, in half the time of a second layout, in up to 256 colours, which shift shades
        by up to 15 of 255, in a fourth of the bytes. The label is also in the metadata of both files.
        """
        from PIL.Image import Dither, Quantize
        from PIL.PngImagePlugin import PngInfo
        from pypdfium2 import PdfDocument

        pdf, png = Path(f"{stem}.pdf"), Path(f"{stem}.png")
        italic_p(self.figure)
        nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
        with atomic(pdf) as temporary:
            self.figure.savefig(temporary, format="pdf", metadata={"Title": title, "Subject": self.label} | nothing)
        named = PngInfo()
        for key, text in {"Title": title, **({"Description": self.label} if self.label else {})}.items():
            named.add_text(key, text)
        with PdfDocument(pdf) as document, atomic(png) as temporary:
            rendered = document[0].render(scale=PNG_DPI / 72).to_pil()
            picture = rendered.quantize(256, Quantize.FASTOCTREE, dither=Dither.NONE)
            picture.putpalette([255 if part > 250 else part for part in picture.getpalette()])  # white stays white
            picture.save(temporary, format="png", pnginfo=named, dpi=(PNG_DPI, PNG_DPI))
        return [pdf, png]


def italic_p(figure: Figure) -> None:
    """Set the P of P-values in italics, as journals do, in the texts of a figure, but not in a name such as vitamin P."""
    legends = [*figure.legends, *filter(None, (ax.get_legend() for ax in figure.axes))]
    texts = [*figure.texts, *(text for legend in legends for text in legend.get_texts())]
    for ax in figure.axes:
        texts += [*ax.texts, ax.xaxis.label, ax.yaxis.label]
    for text in texts:  # not those of ticks, which take long to search
        parts = _P.split(text.get_text())
        if len(parts) > 1:
            text.set(text="$P$".join(part.replace("$", r"\$") for part in parts), parse_math=True)


def draw_box(ax: Axes, left: float, top: float, width: float, height: float, **style: Any):
    """Draw a rectangle, by default white with a thin dark frame."""
    from matplotlib.patches import Rectangle

    look = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.7} | style
    return ax.add_patch(Rectangle((left, top), width, height, **look))
