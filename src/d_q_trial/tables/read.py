"""Read what earlier steps wrote and set the tables of one analysis."""

from __future__ import annotations

from pathlib import Path

from ..config import settings
from ..figures.study import Numbers, read_rows
from ..participants import read_description
from ..trial import load_trial
from .build import SetTable, Source, build_tables
from .catalogue import catalogue_of


def read_tables(folder: Path, participants: Path | str, config: Path | str, analysis: str) -> list[SetTable]:
    """Set the tables of an analysis from its results.csv.

    Parameters
    ----------
    folder : path
        Folder of the analysis.
    participants : path
        Folder with participants.json, which says how the data have to be marked.
    config : path
    analysis : str
        Name of the analysis in the configuration.
    """
    chosen = settings.load(config)
    trial = load_trial(chosen.trial)
    source = Source(
        trial=trial,
        analysis=settings.analysis_named(chosen, analysis),
        numbers=Numbers(read_rows(folder / "results.csv")),
        published=chosen.published,
        data_label=read_description(participants)["label"],
    )
    return build_tables(catalogue_of(chosen.tables, trial), source)
