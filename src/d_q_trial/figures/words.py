"""Titles, captions and descriptions of the figures that are in no catalogue: the templates of ``captions.yaml``."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..files import read_words
from ..formatting import interval, number, p_digits, p_value
from ..labels import within


@cache
def texts() -> dict[str, Any]:
    """Return the templates as they are."""
    return read_words(__file__, "captions")


@cache
def _template(figure: str, part: str):
    import jinja2

    engine = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    engine.filters |= {"digits": p_digits, "interval": interval, "number": number, "p": p_value, "within": within}
    engine.filters |= {"count": lambda value: f"{int(value):,}"}
    return engine.from_string(texts()[figure][part])


def say(figure: str, part: str, **values: Any) -> str:
    """Return a text of a figure, such as its ``title`` or ``caption``, with the expressions filled in."""
    return _template(figure, part).render(**values)
