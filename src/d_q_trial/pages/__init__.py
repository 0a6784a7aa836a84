"""HTML pages that need no other file: the template engine, and what every page has in common."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

_FOLDER = Path(__file__).parent
_P = re.compile(r"\bP\b")


@cache
def environment():
    """Return the template engine, which escapes everything that it prints."""
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
    engine.filters |= {"fmt": format, "prose": prose}
    return engine


def render(
    template: str,
    *,
    title: str,
    label: str | None,
    links: Sequence[tuple[str, str]] = (),
    libraries: Sequence[str] = (),
    data: Any = None,
    **values: Any,
) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        Name of a template that extends ``base.html.j2``.
    title : str
    label : str or None
        How the data have to be marked.
    links : sequence of (str, str)
        Text and address of the other pages; the address of the page itself is empty.
    libraries : sequence of str
        JavaScript libraries that the page contains: ``d3``, ``plot``, ``sortable``.
    data : any
        What the scripts of the page read, as JSON.
    values
        What the template needs beside this.
    """
    script = as_script(data) if data else ""
    common = {"title": title, "label": label, "links": links, "libraries": libraries, "data": script}
    return environment().get_template(template).render(**common, **values)


def prose(text: str) -> Markup:
    """Return text with the letter P of P-values in italics, as journals print it."""
    return Markup(_P.sub("<i>P</i>", str(escape(text))))


def as_script(data: Any) -> str:
    """Return JSON that cannot end the element of a page in which it stands."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def embedded(path: Path) -> tuple[str, int, int]:
    """Return a PNG as an address that contains the picture, with its width and height in pixels.

    Lossless WebP takes a third of the size; greater effort saves 1% more and takes twice as long.
    """
    from PIL import Image

    with Image.open(path) as picture:
        stream = io.BytesIO()
        picture.convert("RGB").save(stream, "WEBP", lossless=True, method=1, quality=0)
        width, height = picture.size
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}", width, height


def _quoted(text: str) -> Markup:
    """Return text as a string of a style sheet, in which every character that could end it is written by its number."""
    return Markup('"' + "".join(c if c.isalnum() else f"\\{ord(c):06x}" for c in text) + '"')


@cache
def _library(name: str) -> Markup:
    """Return a JavaScript library, unchanged; its licence lies beside it."""
    return Markup((_FOLDER / "vendor" / f"{name}.min.js").read_text(encoding="utf-8"))
