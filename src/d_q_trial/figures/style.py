"""Style of the figures: journal width, typeface, colours, texts, axes, and files that are identical on every machine."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from PIL.Image import Dither, Quantize
from PIL.PngImagePlugin import PngInfo
from pypdfium2 import PdfDocument

from ..files import atomic, read_yaml_beside
from ..formatting import format_interval, format_number, format_p, format_p_digits, text_engine
from ..labels import WORD_FILTERS
from ..results_table import ALL_PARTICIPANTS

WIDTH_MM = 183.0  # of a two-column page
PNG_DPI = 250
_MM_PER_INCH = 25.4
MM_PER_POINT = _MM_PER_INCH / 72
_FOLDER = Path(__file__).parent
_P_SYMBOL = re.compile(r"^P$|\bP(?=,\n| [=<>≤]\s| from | not defined)")

Range = tuple[float, float]  # of an axis
_PADDING = 0.06  # share of an axis

INK = "#1a1a1a"
QUIET = "#6b6b6b"
GRID = "#9a9a9a"
BAND_FILL, BAND_INK = "#fff3cd", "#7a1f00"
BAND_MM = 5.0  # height of the band that shows the label of synthetic data

BODY, SMALL, TITLE, LETTER = 6.5, 6.0, 7.0, 9.0  # type sizes in points
DASHED = {"color": GRID, "linewidth": 0.7, "dashes": (4, 3), "zorder": 0.5}  # lines of no effect and of alpha


for _path in sorted(_FOLDER.glob("typeface/*.ttf")):
    font_manager.fontManager.addfont(_path)


def journal_style():
    """Return a context in which matplotlib uses the style of these figures, whatever the user's settings."""
    return rc_context(fname=_FOLDER / "journal.mplstyle")


@dataclass(frozen=True)
class Look:
    """Colours and marker of a group, distinguishable with colour blindness, in greyscale, and by shape."""

    face: str
    edge: str
    marker: str
    tint: str = "white"  # behind text

    def points(self, size: float, edge: float = 0.4) -> dict[str, Any]:
        """Return the properties of markers without a line; ``size`` and the width of the ``edge`` are in points."""
        colours = {"markerfacecolor": self.face, "markeredgecolor": self.edge, "markeredgewidth": edge}
        return {"linestyle": "none", "marker": self.marker, "markersize": size} | colours


CONTROL = Look("#8cc1e6", "#2b6ea6", "o", "#e6f1fa")
TREATED = Look("#a63603", "#6b2300", "s", "#f8e6dc")
NEUTRAL, OVERALL = Look("#b9b9b9", "#4a4a4a", "o"), Look("#b9b9b9", "#4a4a4a", "D")
# From the lowest stratum to the highest, from light to dark.
STRATA = (
    Look("#a8d8c8", "#2f7d68", "o"),
    Look("#7b6fb0", "#40367a", "D"),
    Look("#3b1f6b", "#22103f", "^"),
    Look("#111111", "#000000", "v"),
)


def group_looks(strata: Sequence[str]) -> dict[str, Look]:
    """Return the looks of all participants and of the strata, lowest first; two strata are light and dark."""
    looks = STRATA[::2] if len(strata) == 2 else (*STRATA, *STRATA[-1:] * len(strata))
    return {ALL_PARTICIPANTS: OVERALL, **dict(zip(strata, looks, strict=False))}


@cache
def load_texts() -> dict[str, Any]:
    """Return the templates of ``captions.yaml``, and the names of options, as written."""
    return read_yaml_beside(__file__, "captions")


@cache
def _load_template(figure: str, part: str):
    formats = {"p": format_p, "digits": format_p_digits, "interval": format_interval, "number": format_number}
    engine = text_engine(**WORD_FILTERS, **formats, count=lambda value: f"{int(value):,}")
    return engine.from_string(load_texts()[figure][part])


def render_text(figure: str, part: str, **values: Any) -> str:
    """Return a text of a figure or panel, such as its ``title`` or ``caption``, with the expressions filled in."""
    return _load_template(figure, part).render(**values)


@cache
def text_width(text: str, size: float = SMALL, weight: str = "normal") -> float:
    """Return the width of a text in millimetres; the widest line counts."""
    font = font_manager.FontProperties(size=size, weight=weight)
    return max(text_to_path.get_text_width_height_descent(s, font, False)[0] for s in text.split("\n")) * MM_PER_POINT


def wrap_text(text: str, width: float, size: float = SMALL, weight: str = "normal") -> str:
    """Break a text between words into lines of at most ``width`` millimetres; a wider word is truncated."""
    wrapped, *words = (truncate(word, width, size, weight) for word in text.split(" "))
    for word in words:
        last_line = wrapped.rpartition("\n")[2]
        wrapped += f" {word}" if text_width(f"{last_line} {word}", size, weight) <= width else f"\n{word}"
    return wrapped


def truncate(text: str, width: float, size: float = SMALL, weight: str = "normal") -> str:
    """Shorten a text to ``width`` millimetres, with an ellipsis; the description of the figure has the full text."""
    shortened = (f"{text[:length].rstrip()}…" for length in range(len(text) - 1, 0, -1))
    return next((version for version in (text, *shortened) if text_width(version, size, weight) <= width), "…")


class Page:
    """A figure laid out in millimetres from its top left corner.

    A band on top, which ``height`` excludes, shows the ``label`` of data that must be marked.
    """

    def __init__(self, width: float, height: float, label: str | None = None):
        self.width, self.label = width, label
        self.top = BAND_MM if label else 0.0
        self.height = height + self.top
        self.figure = Figure(figsize=(width / _MM_PER_INCH, self.height / _MM_PER_INCH))
        if label:
            band = BAND_MM / self.height
            fill = {"transform": self.figure.transFigure, "facecolor": BAND_FILL, "linewidth": 0}
            self.figure.add_artist(Rectangle((0, 1 - band), 1, band, **fill))
            font = {"color": BAND_INK, "weight": "bold", "size": TITLE, "gid": "label"}
            self.text(width / 2, -BAND_MM / 2, label, ha="center", **font)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes with their frame ``left`` and ``top`` millimetres from the top left corner below the band."""
        bottom = self.height - self.top - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def canvas(self) -> Axes:
        """Add frameless axes over the page below the band; units are millimetres, and y increases downwards."""
        height = self.height - self.top
        axes = self.axes(0, 0, self.width, height)
        axes.set(xlim=(0, self.width), ylim=(height, 0))
        axes.axis("off")
        return axes

    def text(self, left: float, top: float, content: str, **properties: Any) -> Text:
        """Write text at a position in millimetres, by default small and vertically centred."""
        properties = {"va": "center_baseline", "size": SMALL} | properties
        return self.figure.text(left / self.width, 1 - (self.top + top) / self.height, content, **properties)

    def legend(self, texts: Mapping[str, str], left: float, top: float, **properties: Any) -> None:
        """Draw a legend at a position in millimetres; ``texts`` maps the labels of artists to texts of the legend.

        Artists of different types with the same label, such as a line and its band, share an entry.
        """
        artists: dict[str, dict[type, Any]] = defaultdict(dict)
        for ax in self.figure.axes:
            for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
                artists[label].setdefault(type(artist), artist)
        entries = {text: tuple(reversed(artists[label].values())) for label, text in texts.items() if label in artists}
        properties["bbox_to_anchor"] = left / self.width, 1 - (self.top + top) / self.height
        self.figure.legend(entries.values(), entries.keys(), frameon=False, **properties)

    def save(self, stem: Path | str, *, title: str) -> list[Path]:
        """Write ``stem``.pdf and ``stem``.png; the same page gives the same bytes.

        The PNG is the PDF rendered by pdfium, which takes half the time of a second layout. Reducing it to 256 colours
        shifts shades by up to 15 of 255 and takes a quarter of the bytes. The metadata of both files contain the label.
        """
        pdf, png = Path(f"{stem}.pdf"), Path(f"{stem}.png")
        italicize_p(self.figure)
        metadata = {"Title": title, "Subject": self.label, "Creator": None, "Producer": None, "CreationDate": None}
        with atomic(pdf) as temporary:
            self.figure.savefig(temporary, format="pdf", metadata=metadata)
        png_info = PngInfo()
        png_info.add_text("Title", title)
        if self.label:
            png_info.add_text("Description", self.label)
        with PdfDocument(pdf) as document, atomic(png) as temporary:
            rendered = document[0].render(scale=PNG_DPI / 72).to_pil()
            image = rendered.quantize(256, Quantize.FASTOCTREE, dither=Dither.NONE)
            image.putpalette([255 if channel > 250 else channel for channel in image.getpalette()])  # white stays white
            image.save(temporary, format="png", pnginfo=png_info, dpi=(PNG_DPI, PNG_DPI))
        return [pdf, png]


def italicize_p(figure: Figure) -> None:
    """Set the P of P-values in italics, as journals do, in the texts of a figure, but not in a name such as vitamin P."""
    for text in figure.findobj(Text):
        segments = _P_SYMBOL.split(text.get_text())
        if len(segments) > 1:
            text.set(text="$P$".join(segment.replace("$", r"\$") for segment in segments), parse_math=True)


def draw_box(ax: Axes, left: float, top: float, width: float, height: float, **properties: Any):
    """Draw a rectangle, by default white with a thin dark frame."""
    properties = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.7} | properties
    return ax.add_patch(Rectangle((left, top), width, height, **properties))


def pad_range(values: Iterable[float]) -> Range:
    """Return the range of some values, slightly extended at both ends."""
    low, high = min(values := [*values]), max(values)
    padding = _PADDING * ((high - low) or max(abs(high), 1.0))
    return low - padding, high + padding


def label_y_axis(ax: Axes, label: str, share: float = 1.2) -> None:
    """Format the numbers of the vertical axis and write its label, which may be as long as a ``share`` of the axis."""
    format_axis(ax.yaxis, ax.get_ylim())
    ax.set_ylabel(wrap_text(label, share * axes_size(ax)[1] * MM_PER_POINT, BODY), linespacing=1.1)


def format_axis(axis: Axis, limits: Range) -> None:
    """Group the thousands on an axis with these limits; numbers beyond six digits have an exponent."""
    if not 0.001 <= max(map(abs, limits)) < 1000:
        axis.set_major_formatter("{x:,.6g}")


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes, in points of type."""
    return 72.0 * ax.bbox.width / ax.figure.dpi, 72.0 * ax.bbox.height / ax.figure.dpi


def axis_length(ax: Axes, units: float) -> float:
    """Return the length of a number of units of the horizontal axis, in millimetres."""
    left, right = ax.get_xlim()
    return axes_size(ax)[0] * MM_PER_POINT * units / (right - left)


def write_message(ax: Axes, message: str) -> None:
    """Write into an empty frame why a panel shows nothing."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=GRID, linestyle=(0, (3, 3)))
    message = wrap_text(message, axes_size(ax)[0] * MM_PER_POINT - 1, BODY)
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center", color=QUIET, size=BODY)
