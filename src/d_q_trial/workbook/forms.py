"""Codes such as P-02, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"\s*([^\d\s]*?)[\s_\-.#:]*0*(\d+)\s*")


@dataclass
class Form:
    """An id taken apart: letters before a number."""

    prefix: str
    number: int


def code_form(identity: str) -> Form | None:
    """Take an id such as ``P-02`` apart; None for other ids."""
    match = _FORM.fullmatch(identity)
    return Form(match[1].casefold().rstrip("-_. "), int(match[2])) if match else None
