"""The tables of every cut together, for the figures and their words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import read_csv, read_header

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("cutoffs", "windows", "best_cuts", "best_splits")  # files of every cutoff
# Columns that hold no numbers.
_WORDS = ("outcome", "measure", "visit", "marker", "side", "method", "stratum", "reason")


@dataclass(frozen=True)
class CutTables:
    """The tables of cuts, windows and best cuts, and the analysis' own and the published cuts, of one marker or all."""

    cutoffs: pd.DataFrame
    windows: pd.DataFrame
    best: pd.DataFrame
    own: pd.DataFrame
    published: pd.DataFrame

    def of(self, marker: str, outcome: str, visit: str) -> CutTables:
        """Return the rows of one panel."""
        parts = (self.cutoffs, self.windows, self.best, self.own, self.published)
        return CutTables(*(p[p["marker"].eq(marker) & p["outcome"].eq(outcome) & p["visit"].eq(visit)] for p in parts))

    def best_of_both(self) -> Any:
        """Return the row of the best cut of both sides, None if there is no cut."""
        rows = self.best[self.best["p_best_of_both"].notna()]
        return next(rows.itertuples(index=False), None)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read one of the tables of cuts as it was written."""
    table = read_csv(path, numeric=tuple(name for name in read_header(path) if name not in _WORDS))
    return table.astype(dict.fromkeys(("n_first", "n_second"), "Int64"))
