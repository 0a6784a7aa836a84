"""Render templates into self-contained HTML pages and text."""

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

_FOLDER = Path(__file__).parent
_LETTER_P = re.compile(r"\bP\b")
_MARKUP = re.compile(r"[\\`*|~^$]|(?<!\w)_|_(?!\w)|\[(?![\d,]+\])|<(?=[A-Za-z/!?])")


@cache
def template_engine():
    """Return the template engine, which escapes all output."""
    import jinja2

    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    engine.globals |= {"library": _library, "quoted": _quoted}
    engine.filters |= {"fmt": format, "markdown": escape_markdown, "prose": italicize_p}
    engine.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
    return engine


def text_template(name: str):
    """Return a template of plain text, whose output is not escaped."""
    return template_engine().overlay(autoescape=False).get_template(name)


def render_page(template: str, **values: Any) -> str:
    """Return a page, rendered from a template that extends ``base.html.j2``.

    All pages have a ``title`` and a ``label`` of synthetic data (str or None). They may have ``links`` (text and address of
    every page; the address of the current one is empty), ``libraries`` (the JavaScript libraries to include: ``d3``,
    ``plot``, ``sortable``) and ``data`` (of their scripts, included as JSON).
    """
    return template_engine().get_template(template).render({"links": (), "libraries": (), "data": None} | values)


def page_links(settings: Any, current: str, analysis: str = "") -> list[tuple[str, str]]:
    """Return the pages of a run with these settings as text and address, relative to a page in a folder of results/."""
    home, name = ("", analysis) if analysis else (f"../{settings.reference}/", settings.reference)
    links = [("Overview", "../index.html"), (f"Report of {name}", f"{home}report.html")]
    if settings.published:
        links.append(("Reported values", f"{home}claims.html"))
    if len(settings.analyses) > 1:
        links.append(("Comparison of analyses", "../compare/comparison.html"))
    if settings.published and (Path(settings.published) / "tests.csv").exists():
        links.append(("Internal consistency", "../consistency/consistency.html"))
    return [(text, "" if address == current else address) for text, address in links]


def italicize_p(text: str) -> Markup:
    """Return text with the letter P of P-values in italics and powers of ten raised, as journals print them."""
    return Markup(re.sub(r"\b10\^(\d+)", r"10<sup>\1</sup>", _LETTER_P.sub("<i>P</i>", str(escape(text)))))


def escape_markdown(text: str) -> str:
    """Escape what Markdown would read as markup; references such as [1] and words such as a_b stay unchanged."""
    return _MARKUP.sub(lambda match: "&lt;" if match[0] == "<" else f"\\{match[0]}", text)


def embed_picture(path: Path, alt: str) -> dict[str, Any]:
    """Return what a page needs to show a PNG: a data URL, width and height in pixels, and alternative text."""
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
    address = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    return {"address": address, "width": width, "height": height, "alt": alt}


def _quoted(text: str) -> Markup:
    """Return text as a CSS string, with every special character escaped."""
    return Markup('"' + "".join(c if c.isalnum() else f"\\{ord(c):06x}" for c in text) + '"')


@cache
def _library(name: str) -> Markup:
    """Return a JavaScript library, unchanged; its licence is in the same folder."""
    return Markup((_FOLDER / "vendor" / f"{name}.min.js").read_text(encoding="utf-8"))
