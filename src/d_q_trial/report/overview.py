"""Pages about all analyses: the comparison, and the overview that leads to everything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import compare, formatting, labels
from ..files import write_text
from ..pages import embedded, render
from ..participants import read_description
from ..tables.catalogue import catalogue_of
from . import verdicts
from .collect import rows_if_made
from .headlines import name_p
from .page import page_links, sources_of
from .pieces import Words

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Settings
    from ..tables.catalogue import Headline
    from ..trial import Trial


def write_comparison(
    tables: Mapping[str, pd.DataFrame], settings: Settings, trial: Trial, folder: Path, label: str | None
) -> Path:
    """Write the page that compares all analyses.

    Parameters
    ----------
    tables : dict
        ``comparisons``, ``claims`` and ``summary``, as :mod:`d_q_trial.compare` makes them.
    folder : path
        Where the page goes, beside the picture ``comparison.png``.
    label : str or None
        How the data have to be marked.
    """
    tests, held = tables["comparisons"], tables["claims"]
    picture = folder / "comparison.png"
    changed = tests[tests["conclusion"].isin(compare.CHANGED)]
    page = render(
        "comparison.html.j2",
        title="Comparison of analyses",
        label=label,
        links=page_links(settings, "../compare/comparison.html"),
        sources=sources_of(trial),
        reference=settings.reference,
        analyses=tables["summary"].to_dict("records"),
        alphas={name: f"{entry.alpha:g}" for name, entry in settings.analyses.items()},
        headlines=[
            forest
            for line in catalogue_of(settings.tables, trial).headlines
            if (forest := _forest(line, tests, settings, trial))
        ],
        changed=[_changed(row, settings, trial) for row in changed.to_dict("records")],
        claims=[
            _claim(row, settings, trial) for row in held[held["conclusion"].isin(compare.CHANGED)].to_dict("records")
        ],
        picture=dict(zip(("address", "width", "height"), embedded(picture), strict=True)) if picture.exists() else None,
    )
    write_text(page, folder / "comparison.html")
    return folder / "comparison.html"


def write_overview(results: Path, settings: Settings, trial: Trial) -> Path:
    """Write ``index.html``, which leads to every page of the current configuration."""
    base = settings.analyses[settings.reference]
    analyses = []
    for name, entry in settings.analyses.items():
        found = verdicts.read_verdicts(rows_if_made(results / name / "claims.csv"), trial)
        sources = dict.fromkeys(verdict.source for verdict in found)
        analyses.append(
            {
                "name": name,
                "differences": compare.differences(entry, base, trial),
                "sentences": [verdicts.sentence(verdicts.summarise(found, source)) for source in sources],
            }
        )
    pages = [(text, address.removeprefix("../")) for text, address in page_links(settings, "../index.html")[1:]]
    page = render(
        "index.html.j2",
        title="Overview of the results",
        label=label_of(results, settings),
        trial=trial,
        reference=settings.reference,
        analyses=analyses,
        pages=pages,
        sources=sources_of(trial),
    )
    write_text(page, results / "index.html")
    return results / "index.html"


def label_of(results: Path, settings: Settings) -> str | None:
    """Return how data from all workbooks together have to be marked; None if none has to be."""
    workbooks = dict.fromkeys(entry.workbook_id for entry in settings.analyses.values())
    found = dict.fromkeys(read_description(results / "workbooks" / name)["label"] for name in workbooks)
    return "; ".join(filter(None, found)) or None


def _forest(line: Headline, tests: pd.DataFrame, settings: Settings, trial: Trial) -> dict[str, Any] | None:
    """Return one comparison in all analyses, those of the reference's measure with the axis that they share."""
    place = line.stratum if line.stratum in ("all", "highest", "lowest") else ""
    own = tests[tests["outcome"].eq(line.outcome) & tests["visit"].eq(line.visit) & tests["place"].eq(place)]
    base = own[own["analysis"].eq(settings.reference)]
    if base.empty:
        return None
    measure = base["measure"].item()
    shared = own[own["measure"].eq(measure)]
    ends = shared[["hodges_lehmann_lower", "hodges_lehmann_upper", "hodges_lehmann"]].stack()
    low, high = min(0.0, ends.min()), max(0.0, ends.max())
    margin = 0.03 * (high - low) or 1.0
    outcome, visit = trial.outcomes[line.outcome], trial.visits[line.visit]
    return {
        "title": f"{outcome.label}, {visit.label}, {_place(place, base['stratum'].item())}",
        "unit": labels.change_unit(measure, outcome.unit),
        "low": low - margin,
        "high": high + margin,
        "rows": [_forest_row(row, measure, settings, trial) for row in own.to_dict("records")],
    }


def _forest_row(row: Mapping[str, Any], measure: str, settings: Settings, trial: Trial) -> dict[str, Any]:
    decimals = labels.change_decimals(row["measure"] or measure, trial.outcomes[row["outcome"]].decimals)
    ends = tuple(row[name] for name in ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper"))
    made = not math.isnan(row["p"])
    text = formatting.interval(*ends, decimals) if made else "not made"
    if made and math.isnan(ends[1]):
        text = f"{formatting.number(ends[0], decimals)} (no interval)"
    return {
        "analysis": row["analysis"],
        "stratum": "" if row["place"] == "all" else row["stratum"],
        "n": f"{row['n_first']} / {row['n_second']}" if made else "",
        "text": text if not made or row["measure"] == measure else f"{text}, as {labels.CHANGES[row['measure']]}",
        "ends": ends if made and row["measure"] == measure and not any(map(math.isnan, ends)) else None,
        "p": formatting.p_digits(row["p"]) if made else "",
        "significant": row["significant"] == "yes",
        "conclusion": compare.CHANGED.get(row["conclusion"], ""),
    }


def _place(place: str, stratum: str = "") -> str:
    return {"all": "all participants", "": stratum}.get(place, f"{place} subgroup")


def _changed(row: Mapping[str, Any], settings: Settings, trial: Trial) -> list[str]:
    words = Words(trial, settings.analyses[row["analysis"]])
    what = f"{words.of('outcome', row)}, {_place(row['place'])}"
    p, before = formatting.p_digits(row["p"]), formatting.p_digits(row["reference_p"])
    return [what, row["analysis"], compare.CHANGED[row["conclusion"]], p, before]


def _claim(row: Mapping[str, Any], settings: Settings, trial: Trial) -> list[str]:
    words = Words(trial, settings.analyses[row["analysis"]])
    conclusion = {compare.LOST: "not significant", compare.GAINED: "significant"}[row["conclusion"]]
    what = f"{words.of('outcome', row)}, {_place(row['place'])}"
    return [what, row["locator"], row["reported"], row["analysis"], name_p(formatting.p_digits(row["p"])), conclusion]
