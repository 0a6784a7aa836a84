"""Write the methods section from the settings of an analysis. The sentences are in ``sentences.j2``."""

import re
from collections import Counter
from typing import Any

from .. import formatting, labels
from ..changes import EXCLUDED, WINSORISED
from ..files import read_yaml_beside
from ..pages import escape_markdown, text_template
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..stats.two_sample import get_test
from ..tables.build import Headline
from ..trial import BASELINE
from . import collect
from .collect import Report
from .headlines import Effect, compare_headlines, describe_search

REFERENCES = read_yaml_beside(__file__, "references")

PERMUTED = {  # tables with P from permutations: the column or statistic of P, and the beginning of its method
    "sensitivity/interaction": ("p", "strata permuted"),
    "robustness/best_cuts": ("p_best_of_both",),
    "robustness/best_splits": ("p_corrected",),
    "robustness/multiplicity": ("p_max_t",),
    "robustness/specifications": ("p",),
}


def methods_paragraph(report: Report) -> str:
    """Return methods and main results as Markdown for a manuscript; markup in names is escaped."""
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return "[" + ",".join(str(cited.index(key) + 2) for key in keys) + "]"

    template = text_template("methods.md.j2")
    results = [_describe_comparison(line, group, e, report) for line, group, _, e in compare_headlines(report) if e]
    sizes = [result["effect"].n for result in results]
    small = labels.describe_small_groups(sizes, "of those named here", report.analysis)
    text = template.render(cite=cite, results=results, small=small, **template_values(report))
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    references = [report.trial.citation, *(REFERENCES.get(key, key) for key in cited)]
    numbered = (f"{number}. {' '.join(entry.split())}" for number, entry in enumerate(references, start=1))
    return escape_markdown("\n\n".join(filter(None, [*paragraphs, "\n".join(numbered)]))) + "\n"


def template_values(report: Report) -> dict[str, Any]:
    """Return the values that fill the sentences of the page and of the paragraph."""
    analysis, trial, robustness = report.analysis, report.trial, report.settings.robustness
    has, has_value, uncapitalize = report.numbers.has, report.has_value, labels.uncapitalize
    rule, marker = analysis.strata, trial.markers.get(analysis.marker)
    strata = [row for row in report.strata if row["marker"] == analysis.marker]
    counts = Counter(row["stratum"] for row in strata)
    cuts = sorted({float(row[side]) for row in strata for side in ("lower", "upper") if row[side]})
    binary = [outcome.key for outcome in trial.outcomes.values() if outcome.kind == "binary"]
    multiplicity, cutoffs = "robustness/multiplicity", "robustness/cutoffs"
    adjusted_families = {row["family"] for row in report.table(multiplicity)}
    changes = [row for row in report.exclusions if row["measure"] != BASELINE]
    rows = [row for row in collect.read_rows_if_exists(report.folder / "changes.csv") if row["reason"] != EXCLUDED]
    analysed = {row["participant"] for row in rows if row["linked"] == "True" and row["arm"] in trial.analysed_arms}
    outcomes = robustness.multiverse.outcomes
    specified = [key for key in outcomes if has_value("robustness/specifications", "p", outcome=key)]
    unlisted = trial.outcomes.keys() - collect.outcomes_to_list(trial)
    unlisted = {trial.outcomes[key].family for key in unlisted if has(outcome=key, measure=analysis.measure)}
    return labels.caption_values(trial, analysis) | {
        "report": report,
        "trial": trial,
        "analysis": analysis,
        "robustness": robustness,
        "test": get_test(analysis.test),
        "estimator": uncapitalize(labels.estimator_label(analysis)),
        "search": describe_search(report),
        "measure": labels.CHANGES[analysis.measure],
        "formula": labels.FORMULAS[analysis.measure],
        "arms": _describe_arms(report),
        "other_arms": [uncapitalize(arm.label) for arm in trial.arms.others],
        "visits": [uncapitalize(visit.label) for visit in trial.visits.values()],
        "outcomes": _group_outcomes(report),
        "reasons": Counter(row["reason"] for row in changes if row["reason"] != EXCLUDED),
        "winsorized": sum(row["reason"] == WINSORISED for row in rows),
        "strata": labels.describe("strata", rule=rule, marker=uncapitalize(marker.label), unit=marker.unit)
        if report.strata
        else "",
        "strata_in_workbook": any(has(measure=analysis.measure, statistic="n", stratum=s) for s in rule.labels),
        "panel_strata": sorted({row["stratum"] for row in rows} - {""}),
        "sizes": [f"{counts[stratum]} ({stratum})" for stratum in rule.labels if stratum in counts],
        "unplaced": len(analysed.difference(row["participant"] for row in strata)),
        "cuts": [f"{cut:.4g}" for cut in cuts] if rule.by == "quantile" else [],
        "unit": marker.unit if marker else "",
        "proportions": any(has(outcome=key, visit=BASELINE, statistic="p", contrast=trial.contrast) for key in binary),
        "correlations": trial.population is not None and has(contrast=trial.population.age, statistic="spearman_r"),
        "multiverse": [uncapitalize(report.labeller.variable(key)) for key in specified],
        "curve": collect.read_descriptions(report.folder / "robustness").get("specification_curve"),
        "families": [f"“{name}”" for name in robustness.families if has_value(multiplicity, "p_holm", family=name)],
        "unused": [f"“{name}”" for name in robustness.families if adjusted_families and name not in adjusted_families],
        "markers": [uncapitalize(m.label) for m in trial.markers.values() if has_value(cutoffs, "p", marker=m.key)],
        "permuted": any(has_value(table, *column) for table, column in PERMUTED.items()),
        "unlisted": [uncapitalize(label) for family, label in trial.families.items() if family in unlisted],
        "absent": [f"{label} ({h.role})" if h.role else label for h, _, label, e in compare_headlines(report) if not e],
        "summaries": collect.summarize_sources(report.verdicts),
        "listing": labels.join_words,
        "count": labels.spell_number,
        "counted": labels.pluralize,
    }


def _describe_comparison(headline: Headline, group: str, effect: Effect, report: Report) -> dict[str, Any]:
    """Return one comparison of the arms with its numbers as text."""
    trial, measure, outcome = report.trial, report.analysis.measure, report.trial.outcomes[headline.outcome]
    unit = labels.change_unit(measure, outcome.unit)
    unit = "%" if unit == "%" else f" {unit}" if measure == "difference" else ""
    medians = []
    for key, arm in trial.analysed_arms.items():
        keys = subgroup_keys(group, report.analysis.marker) | {"group": key}
        median = report.numbers.get(outcome.key, measure, headline.visit, "median", **keys).value
        number = formatting.format_number(median, report.labeller.decimals(outcome.key))
        medians.append(f"{number}{unit} with {labels.uncapitalize(arm.label)}")
    return {
        "group": "" if group == ALL_PARTICIPANTS else report.labeller.group(group),
        "outcome": labels.uncapitalize(outcome.label),
        "visit": labels.uncapitalize(trial.visits[headline.visit].label),
        "role": headline.role,
        "medians": medians,
        "unit": " percentage points" if unit == "%" else unit,
        "effect": effect,
    }


def _describe_arms(report: Report) -> list[str]:
    """Return the labels of the two arms with their numbers of participants, if known."""
    trial, descriptions = report.trial, []
    for key, arm in trial.analysed_arms.items():
        sizes = [report.numbers.get(name, BASELINE, BASELINE, "n", group=key).value for name in trial.outcomes]
        sizes += Counter(row["marker"] for row in report.strata if row["arm"] == key).values()
        size = max((n for n in sizes if n > 0), default=0)
        descriptions.append(labels.uncapitalize(arm.label) + (f" (n = {size:.0f})" if size else ""))
    return descriptions


def _group_outcomes(report: Report) -> list[tuple[str, list[str]]]:
    """Return the analysed outcomes by family and visits, with the visits; many outcomes are counted instead of named."""
    trial, measure, arm = report.trial, report.analysis.measure, report.trial.arms.treated.key
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for outcome in trial.outcomes.values():
        sizes = {v: report.numbers.get(outcome.key, measure, v, "n", group=arm).value for v in outcome.follow_up}
        if visits := tuple(visit for visit, n in sizes.items() if n >= 0):
            groups.setdefault((outcome.family, visits), []).append(labels.uncapitalize(outcome.label))
    described = []
    for (family, visits), members in groups.items():
        names = f"{len(members)} outcomes ({labels.uncapitalize(trial.families[family])})"
        names = names if len(members) > collect.MAX_LISTED else labels.join_words(members)
        described.append((names, [labels.uncapitalize(trial.visits[visit].label) for visit in visits]))
    return described
