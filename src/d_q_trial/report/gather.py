"""Read what earlier steps wrote, and put it into the order of the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import settings
from ..config.settings import Settings
from ..consistency.findings import Finding
from ..figures import catalogue as figure_catalogue
from ..figures.study import Numbers, read_rows
from ..participants import read_description
from ..software import software
from ..tables.build import SetTable, Source, build_tables
from ..tables.catalogue import Headline, catalogue_of
from ..trial import load_trial
from . import pictures
from .claims import Tally, Verdict, read_verdicts, tally
from .cutoffs import explorer
from .extras import Extra, read_extras
from .findings import read_findings
from .methods import Facts
from .shaping import Context

NOT_ROBUSTNESS = ("export", "figures", "logs", "tables")
NOT_SHOWN = ("cutoffs", "windows", "own_cuts", "specifications")  # they are drawn, and stay in their files


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in the page."""

    key: str
    label: str
    title: str
    caption: str
    address: str  # the picture itself
    width: int
    height: int
    alt: str
    panels: tuple[tuple[str, str, str], ...]  # letter, title, result in words
    file: str  # the vector file, relative to the page


@dataclass(frozen=True)
class Block:
    """A figure or a table with the claims that belong to it."""

    key: str
    label: str
    picture: Picture | None
    table: SetTable | None
    verdicts: tuple[Verdict, ...]

    @property
    def tally(self) -> Tally:
        """Count the verdicts."""
        return tally(self.verdicts)


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    facts: Facts
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    explorer: Mapping[str, Any] | None
    findings: Sequence[Finding]
    consistency: Sequence[Extra]
    robustness: Sequence[Extra]
    comparison: Sequence[Extra]
    settings_text: str
    versions: Mapping[str, str]
    source: Mapping[str, Any]

    @property
    def tally(self) -> Tally:
        """Count all verdicts."""
        return tally(self.verdicts)


def gather(
    folder: Path,
    participants: Path | str,
    config: Path | str,
    analysis: str,
    *,
    compare: Path | None = None,
    consistency: Path | None = None,
) -> Report:
    """Read the folder of an analysis, and what stands beside it.

    Parameters
    ----------
    folder : path
        Folder of the analysis, with results.csv; tables are set again from it, figures, claims and robustness are
        taken as they are there, and left out where they are not.
    participants : path
        Folder with participants.json.
    config : path
    analysis : str
    compare, consistency : path, optional
        Folders with the comparison of all analyses and with the findings on printed numbers.
    """
    chosen = settings.load(config)
    entry = settings.analysis_named(chosen, analysis)
    trial = load_trial(chosen.trial)
    description = read_description(participants)
    numbers = Numbers(read_rows(folder / "results.csv"))
    listed = catalogue_of(chosen.tables, trial)
    tables = build_tables(listed, Source(trial, entry, numbers, chosen.published, description["label"]))
    verdicts = read_verdicts(_rows(folder / "claims.csv"), trial)
    strata, cutoffs = _rows(folder / "strata.csv"), _rows(folder / "robustness" / "cutoffs.csv")
    context = Context(trial, entry, numbers)
    parts = _robustness_folders(folder)
    robustness = [piece for part in parts for piece in read_extras(part, context, leave_out=NOT_SHOWN)]
    versions = software()
    facts = Facts(
        trial=trial,
        analysis=entry,
        numbers=numbers,
        headlines=listed.headlines,
        data_label=description["label"],
        source=description["source"],
        strata=strata,
        exclusions=_rows(folder / "exclusions.csv"),
        tally=tally(verdicts) if verdicts else None,
        versions=versions,
        made=frozenset(f"{part.name}/{table.stem}" for part in parts for table in part.glob("*.csv")),
        robustness=chosen.robustness if robustness else None,
    )
    figures = _pictures(folder / "figures", _figure_order(chosen, trial))
    return Report(
        facts=facts,
        blocks=tuple(_blocks(figures, tables, {key: t.after for key, t in listed.tables.items()}, verdicts)),
        verdicts=tuple(verdicts),
        explorer=explorer(cutoffs, _own_cuts(strata), trial, entry, _shown_first(listed.headlines))
        if cutoffs
        else None,
        findings=read_findings(consistency) if consistency else (),
        consistency=read_extras(consistency, context, leave_out=("findings",), prefix="../") if consistency else (),
        robustness=robustness,
        comparison=read_extras(compare, context, prefix="../") if compare else (),
        settings_text=as_yaml(chosen, analysis),
        versions=versions,
        source=description["source"],
    )


def _rows(path: Path) -> list[dict[str, str]]:
    return read_rows(path) if path.exists() else []


def _robustness_folders(folder: Path) -> list[Path]:
    """Folders of later analyses, ``robustness`` first."""
    parts = [part for part in sorted(folder.iterdir()) if part.is_dir() and part.name not in NOT_ROBUSTNESS]
    return sorted(parts, key=lambda part: part.name != "robustness")


def _figure_order(chosen: Settings, trial) -> list[str]:
    if chosen.figures:
        return list(figure_catalogue.load_catalogue(chosen.figures, trial).figures)
    return list(figure_catalogue.default_catalogue(trial).figures)


def _pictures(folder: Path, order: Sequence[str]) -> list[Picture]:
    """Read figures and their descriptions, in the order in which the configuration lists them."""
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        described |= json.loads(path.read_text(encoding="utf-8"))
    found = []
    for key in order:
        path = folder / f"{key}.png"
        if key not in described or not path.exists():
            continue
        figure = described[key]
        address, width, height = pictures.embedded(path)
        panels = tuple((panel["letter"], panel["title"], panel["words"]) for panel in figure["panels"])
        found.append(
            Picture(
                key=key,
                label=figure["label"],
                title=figure["title"],
                caption=figure["caption"],
                address=address,
                width=width,
                height=height,
                alt=_alternative(figure),
                panels=panels,
                file=f"{folder.name}/{figure['files']['pdf']}",
            )
        )
    return found


def _alternative(figure: Mapping[str, Any], longest: int = 1200) -> str:
    """State the result of a figure; what would tire a listener is left to the list of panels below it."""
    label = f"{figure['data_label']}. " if figure.get("data_label") else ""
    words = f"{figure['label']}. {figure['title']}. {label}{figure['words']}"
    if len(words) <= longest:
        return words
    kept = words[:longest].rpartition(";")[0] or words[:longest]
    return f"{kept}; all of it stands below, under “In words”."


def _blocks(
    figures: Sequence[Picture], tables: Sequence[SetTable], after: Mapping[str, str], verdicts: Sequence[Verdict]
) -> list[Block]:
    """Figures in their order, each followed by the tables that name it, then the other tables."""
    drawn = {figure.key for figure in figures}
    order: list[Picture | SetTable] = []
    for figure in figures:
        order += [figure, *(table for table in tables if after[table.key] == figure.key)]
    order += [table for table in tables if after[table.key] not in drawn]
    return [
        Block(
            key=item.key,
            label=item.label,
            picture=item if isinstance(item, Picture) else None,
            table=item if isinstance(item, SetTable) else None,
            verdicts=tuple(verdict for verdict in verdicts if item.label in verdict.places),
        )
        for item in order
    ]


def _own_cuts(strata: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Where the analysis cuts each marker in two; a marker cut otherwise has no such place."""
    cuts: dict[str, float] = {}
    for row in strata:
        try:
            cuts[row["marker"]] = float(row["cut"])
        except ValueError:
            continue
    return cuts


def _shown_first(headlines: Sequence[Headline]) -> tuple[str, str]:
    """Outcome and visit of the first comparison within a stratum that is told in words."""
    return next(((line.outcome, line.visit) for line in headlines if line.stratum != "all"), ("", ""))


def as_yaml(chosen: Settings, analysis: str) -> str:
    """Return the configuration as used, defaults included."""
    import yaml

    content = chosen.model_dump(mode="json", exclude={"analyses"})
    content["analyses"] = {analysis: chosen.analyses[analysis].model_dump(mode="json", exclude={"name"})}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=88)
