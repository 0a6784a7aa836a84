"""The methods section: the settings of an analysis in words. The sentences are in ``sentences.j2``."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from .. import formatting, labels
from ..changes import EXCLUDED
from ..files import read_yaml_beside
from ..pages import escape_markdown, template_engine
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..stats.two_sample import get_test
from ..tables.catalogue import Headline
from ..trial import BASELINE
from .collect import (
    MANY,
    Report,
    count_changing,
    outcomes_to_list,
    read_descriptions,
    read_rows_if_made,
    summarize_sources,
)
from .headlines import describe_search, find_effect, headline_group, headline_label

REFERENCES = read_yaml_beside(__file__, "references")

PERMUTED = {  # tables with P from permutations, and its column or statistic with the beginning of the method
    "sensitivity/interaction": ("p", "strata permuted"), "robustness/best_cuts": ("p_best_of_both",),
    "robustness/best_splits": ("p_corrected",), "robustness/multiplicity": ("p_max_t",), "robustness/specifications": ("p",),
}  # fmt: skip


def methods_paragraph(report: Report) -> str:
    """Return methods and main results as Markdown for a manuscript; markup in names is escaped."""
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return "[" + ",".join(str(cited.index(key) + 2) for key in keys) + "]"

    template = template_engine().overlay(autoescape=False).get_template("methods.md.j2")
    results = main_comparisons(report)
    compared = [(result["group"] or "all participants", result["effect"].n) for result in results]
    small = labels.describe_small_groups(compared, report.trial, report.analysis)
    text = template.render(cite=cite, results=results, small=small, **template_values(report))
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text)]
    listed = [report.trial.citation, *(REFERENCES[key] for key in cited)]
    blocks.append("\n".join(f"{number}. {' '.join(entry.split())}" for number, entry in enumerate(listed, start=1)))
    return escape_markdown("\n\n".join(filter(None, blocks))) + "\n"


def template_values(report: Report) -> dict[str, Any]:
    """Return the values that fill the sentences of the page and of the paragraph."""
    analysis, trial, robustness = report.analysis, report.trial, report.settings.robustness
    marker = trial.markers.get(analysis.marker)
    own = [row for row in report.strata if row["marker"] == analysis.marker]
    counts = Counter(row["stratum"] for row in own)
    binary, has = [o.key for o in trial.outcomes.values() if o.kind == "binary"], report.numbers.has
    found, families, cutoffs = report.found, "robustness/multiplicity", "robustness/cutoffs"
    adjusted = {row["family"] for row in report.table(families)}
    changes = [row for row in report.exclusions if row["measure"] != BASELINE]
    analysed = {
        row["participant"]
        for row in read_rows_if_made(report.folder / "changes.csv")
        if row["linked"] == "True" and row["arm"] in trial.analysed_arms and row["reason"] != EXCLUDED
    }
    large = {trial.outcomes[key].family for key in trial.outcomes.keys() - outcomes_to_list(trial)}
    cuts = sorted({float(row[side]) for row in own for side in ("lower", "upper") if row[side]})
    return labels.caption_words(trial, analysis) | {
        "report": report,
        "trial": trial,
        "analysis": analysis,
        "robustness": robustness,
        "test": get_test(analysis.test),
        "estimator": labels.uncapitalize(labels.estimator_label(analysis)),
        "search": describe_search(report),
        "measure": (labels.CHANGES | {"difference": "change"})[analysis.measure],
        "formula": labels.FORMULAS[analysis.measure],
        "arms": _arms(report),
        "others": [labels.uncapitalize(arm.label) for arm in trial.arms.others],
        "visits": [labels.uncapitalize(visit.label) for visit in trial.visits.values()],
        "outcomes": _outcomes(report),
        "reasons": Counter(row["reason"] for row in changes if row["reason"] != EXCLUDED),
        "strata": labels.describe_strata(analysis.strata, labels.uncapitalize(marker.label), marker.unit)
        if report.strata
        else "",
        "stated": any(has(measure=analysis.measure, statistic="n", stratum=name) for name in analysis.strata.labels),
        "sizes": [f"{counts[name]} ({name})" for name in analysis.strata.labels if name in counts],
        "unplaced": len(analysed.difference(row["participant"] for row in own)),
        "cuts": [f"{cut:.4g}" for cut in cuts] if analysis.strata.by == "quantile" else [],
        "unit": marker.unit if marker else "",
        "proportions": any(has(outcome=key, visit=BASELINE, statistic="p", contrast=trial.contrast) for key in binary),
        "correlations": trial.population is not None and has(contrast=trial.population.age, statistic="spearman_r"),
        "multiverse": [
            labels.uncapitalize(report.words.variable(key))
            for key in robustness.multiverse.outcomes
            if found("robustness/specifications", "p", outcome=key)
        ],
        "curve": read_descriptions(report.folder / "robustness").get("specification_curve"),
        "families": [f"“{name}”" for name in robustness.families if found(families, "p_holm", family=name)],
        "unused": [f"“{name}”" for name in robustness.families if adjusted and name not in adjusted],
        "markers": [labels.uncapitalize(m.label) for m in trial.markers.values() if found(cutoffs, "p", marker=m.key)],
        "permuted": any(found(table, *column) for table, column in PERMUTED.items()),
        "unlisted": [labels.uncapitalize(label) for family, label in trial.families.items() if family in large],
        "absent": [headline_label(line, report) for line in report.headlines if not _comparison(line, report)],
        "summaries": summarize_sources(report.verdicts),
        "listing": labels.join_words,
        "count": labels.spell_number,
        "counted": labels.pluralize,
    }


def main_comparisons(report: Report) -> list[dict[str, Any]]:
    """Return the comparisons that the catalogue of tables names; if there are none, those of the first outcome."""
    pairs = ((o.key, visit) for o in report.trial.outcomes.values() for visit in reversed(o.follow_up))
    first = ([Headline(outcome=o, visit=v, stratum=name) for name in (ALL_PARTICIPANTS, "highest")] for o, v in pairs)
    for lines in (report.headlines, *first):
        if made := [found for line in lines if (found := _comparison(line, report))]:
            return made
    return []


def _comparison(headline: Headline, report: Report) -> dict[str, Any] | None:
    """Return one comparison of the arms with its numbers as text; None if the analysis does not have it."""
    trial, measure, outcome = report.trial, report.analysis.measure, report.trial.outcomes[headline.outcome]
    group = headline_group(headline, report)
    found = find_effect(report, headline.outcome, headline.visit, group)
    if found is None:
        return None
    unit = labels.change_unit(measure, outcome.unit)
    unit = "%" if unit == "%" else f" {unit}" if measure == "difference" else ""
    medians = []
    for key, arm in trial.analysed_arms.items():
        where = group_keys(group, report.analysis.marker) | {"group": key}
        value = report.numbers.get(outcome.key, measure, headline.visit, "median", **where).value
        number = formatting.format_number(value, report.words.decimals(outcome.key))
        medians.append(f"{number}{unit} with {labels.uncapitalize(arm.label)}")
    return {
        "group": "" if group == ALL_PARTICIPANTS else report.words.group(group),
        "outcome": labels.uncapitalize(outcome.label),
        "visit": labels.uncapitalize(trial.visits[headline.visit].label),
        "role": headline.role,
        "medians": medians,
        "unit": " percentage points" if unit == "%" else unit,
        "effect": found,
    }


def _arms(report: Report) -> list[str]:
    """Return the two arms with their numbers of participants, if known."""
    trial, made = report.trial, []
    for key, arm in trial.analysed_arms.items():
        known = [report.numbers.get(name, BASELINE, BASELINE, "n", group=key).value for name in trial.outcomes]
        with_marker = Counter(row["marker"] for row in report.strata if row["arm"] == key)
        size = max((n for n in (*known, *with_marker.values()) if n > 0), default=0)
        made.append(labels.uncapitalize(arm.label) + (f" (n = {size:.0f})" if size else ""))
    return made


def _outcomes(report: Report) -> list[tuple[str, list[str]]]:
    """Return the outcomes whose changes were analysed, grouped by family and visits, with the visits.

    A large family that is analysed as a whole is counted, not listed.
    """
    trial, measure, arm = report.trial, report.analysis.measure, report.trial.arms.treated.key
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for outcome in trial.outcomes.values():
        made = [v for v in outcome.follow_up if report.numbers.get(outcome.key, measure, v, "n", group=arm).value >= 0]
        if made:
            groups.setdefault((outcome.family, tuple(made)), []).append(labels.uncapitalize(outcome.label))

    def names(family: str, members: list[str]) -> str:
        size = count_changing(family, trial)
        chosen = f"{size} outcomes" if len(members) == size > MANY else labels.join_words(members)
        return chosen + f" ({labels.uncapitalize(trial.families[family])})" * (size > MANY)

    return [
        (names(family, members), [labels.uncapitalize(trial.visits[visit].label) for visit in visits])
        for (family, visits), members in groups.items()
    ]
