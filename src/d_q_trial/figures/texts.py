"""Fill in the templates of ``captions.yaml``: texts of panels, and of figures that are not in the list of figures."""

from functools import cache
from typing import Any

from ..files import read_yaml_beside
from ..formatting import format_interval, format_number, format_p, format_p_digits, text_engine
from ..labels import WORD_FILTERS


@cache
def load_texts() -> dict[str, Any]:
    """Return the templates and the names of options as written."""
    return read_yaml_beside(__file__, "captions")


@cache
def _load_template(figure: str, part: str):
    formats = {"p": format_p, "digits": format_p_digits, "interval": format_interval, "number": format_number}
    engine = text_engine(**WORD_FILTERS, **formats, count=lambda value: f"{int(value):,}")
    return engine.from_string(load_texts()[figure][part])


def render_text(figure: str, part: str, **values: Any) -> str:
    """Return a text of a figure, such as its ``title`` or ``caption``, with the expressions filled in."""
    return _load_template(figure, part).render(**values)
