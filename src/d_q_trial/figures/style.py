"""What a page looks like: journal widths, type, colours, and files that are the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic
from . import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTHS_MM = {"single": 89.0, "double": 183.0}
PNG_DPI = 250
_MM_PER_INCH = 25.4

INK = "#1a1a1a"
QUIET = "#6b6b6b"
GRID = "#9a9a9a"
BAND_FILL, BAND_INK = "#fff3cd", "#7a1f00"
BAND_MM = 5.0  # height of the band that carries the label of synthetic data

BODY, SMALL, TITLE, LETTER = 6.5, 6.0, 7.0, 9.0

# Type 42 keeps text as text in the PDF.
_RC = {
    "font.size": BODY,
    "axes.labelsize": BODY,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelpad": 2.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a label is a dollar
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "lines.linewidth": 1.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "path.simplify": False,
}


def settings():
    """Return a context in which matplotlib draws in the style of these figures."""
    import matplotlib as mpl

    return mpl.rc_context(_RC | {"font.family": fonts.register()})


@dataclass(frozen=True)
class Look:
    """Colour and marker of a group; told apart by colour-blind eyes, in grey, and by shape."""

    face: str
    edge: str
    marker: str
    tint: str = "white"  # behind text


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
    if count == 2:
        return STRATA[0] if index == 0 else STRATA[2]
    return STRATA[min(index, len(STRATA) - 1)]


class Page:
    """A figure laid out in millimetres from its top left corner.

    Parameters
    ----------
    width, height : float
        Size in millimetres, without the band for the label.
    label : str or None
        How the data have to be marked; drawn as a band on top, which makes the page taller.
    """

    def __init__(self, width: float, height: float, label: str | None = None):
        from matplotlib.figure import Figure

        self.width, self.label = width, label
        self.top = BAND_MM if label else 0.0
        self.height = height + self.top
        self.figure: Figure = Figure(figsize=(width / _MM_PER_INCH, self.height / _MM_PER_INCH))
        if label:
            self._band(label)

    def _band(self, label: str) -> None:
        from matplotlib.patches import Rectangle

        depth = BAND_MM / self.height
        band = Rectangle((0, 1 - depth), 1, depth, transform=self.figure.transFigure, facecolor=BAND_FILL, linewidth=0)
        self.figure.add_artist(band)
        self.figure.text(
            0.5, 1 - depth / 2, label, ha="center", va="center_baseline", color=BAND_INK, weight="bold", size=TITLE
        ).set_gid("label")

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes whose frame begins ``left`` and ``top`` millimetres from the corner below the band."""
        bottom = self.height - self.top - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def canvas(self) -> Axes:
        """Add axes without a frame over the page below the band; units are millimetres, y counts downwards."""
        depth = self.height - self.top
        axes = self.axes(0, 0, self.width, depth)
        axes.set_xlim(0, self.width)
        axes.set_ylim(depth, 0)
        axes.axis("off")
        return axes

    def text(self, left: float, top: float, content: str, **style):
        """Write text at a place in millimetres."""
        return self.figure.text(left / self.width, 1 - (self.top + top) / self.height, content, **style)

    def save(self, stem: Path | str, *, title: str) -> list[Path]:
        """Write ``stem``.pdf and ``stem``.png; the same page gives the same bytes.

        The label stands in the metadata of both files as well.
        """
        stem = Path(stem)
        pdf = {"Title": title, "Subject": self.label, "Creator": None, "Producer": None, "CreationDate": None}
        png = {"Title": title, "Software": None} | ({"Description": self.label} if self.label else {})
        paths = [stem.with_name(stem.name + ".pdf"), stem.with_name(stem.name + ".png")]
        with atomic(paths[0]) as temporary:
            self.figure.savefig(temporary, format="pdf", metadata=pdf)
        with atomic(paths[1]) as temporary:
            self.figure.savefig(temporary, format="png", dpi=PNG_DPI, metadata=png, pil_kwargs={"compress_level": 2})
        return paths
