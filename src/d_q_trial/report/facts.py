"""What the sentences and tables of a report are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..results_table import Numbers
    from ..tables.catalogue import Headline
    from ..trial import Trial
    from .verdicts import Verdict

Row = Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """The finished outputs of one analysis.

    Attributes
    ----------
    strata, exclusions : sequence of rows
        strata.csv and exclusions.csv.
    verdicts : sequence of Verdict
        claims.csv in words; empty if nothing is published.
    tables : mapping of name to rows
        Robustness and sensitivity tables that exist, such as ``robustness/cutoffs``.
    robustness : Robustness or None
        Their settings; None if there are none of these tables.
    differences : sequence of str
        What the analysis sets otherwise than the reference, in words.
    """

    trial: Trial
    analysis: Analysis
    numbers: Numbers
    headlines: Sequence[Headline]
    label: str | None
    source: Mapping[str, object]
    strata: Sequence[Row]
    exclusions: Sequence[Row]
    verdicts: Sequence[Verdict]
    versions: Mapping[str, str]
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    robustness: Robustness | None = None
    reference: str = ""  # name of the reference analysis; empty if it is this one
    differences: Sequence[str] = ()

    def table(self, name: str, **keys: str) -> list[Row]:
        """Return the rows of a robustness or sensitivity table that have these keys; none if it was not made."""
        return [row for row in self.tables.get(name, ()) if all(row[key] == value for key, value in keys.items())]
