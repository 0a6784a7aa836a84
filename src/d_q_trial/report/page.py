"""Write the pages: report, reported values and methods of an analysis, the comparison of analyses, and the overview.

The sentences of the methods are in ``sentences.j2`` and ``methods.md.j2``.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from .. import compare, formatting, labels
from ..changes import EXCLUDED, WINSORISED
from ..config.settings import Analysis, Settings, as_yaml
from ..consistency.findings import KINDS, Finding, replace_keys, sort_findings
from ..files import read_description, read_yaml_beside, write_text
from ..pages import embed_picture, escape_markdown, page_links, render_page, text_template
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..stats.two_sample import get_test
from ..tables.build import Headline, read_catalogue
from ..trial import BASELINE, Outcome, Trial
from . import collect, headlines, pieces
from .collect import Labeller, Report
from .headlines import Effect

REFERENCES = read_yaml_beside(__file__, "references")

PERMUTED = {  # tables with P from permutations: the column or statistic of P, and the beginning of its method
    "sensitivity/interaction": ("p", "strata permuted"),
    "robustness/best_cuts": ("p_best_of_both",),
    "robustness/best_splits": ("p_corrected",),
    "robustness/multiplicity": ("p_max_t",),
    "robustness/specifications": ("p",),
}


def write_report(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Write ``report.html``, ``claims.html`` and ``methods.md`` of an analysis, and return what they show."""
    report = collect.collect_report(results, settings, trial, name)
    write_text(report_page(report), report.folder / "report.html")
    write_text(claims_page(report), report.folder / "claims.html")
    write_text(methods_paragraph(report), report.folder / "methods.md")
    return report


def report_page(report: Report) -> str:
    """Return the report as one self-contained page."""
    cutoffs, consistency = pieces.explorer_data(report), report.folder.parent / "consistency"
    drawing, results = consistency / "attainable.svg", headlines.main_results(report)
    sizes = [[e.n for e in effects if e] for effects in zip(*(row["effects"] for row in results), strict=True)]
    max_sizes = [tuple(map(max, zip(*pairs, strict=True))) for pairs in sizes]
    arms = [labels.uncapitalize(arm.label) for arm in report.trial.analysed_arms.values()]
    return render_page(
        "report.html.j2",
        **template_values(report),
        title=f"Report: {report.analysis.name}",
        links=page_links(report.settings, "report.html", report.analysis.name),
        libraries=("d3", "plot") if cutoffs else (),
        data=cutoffs,
        groups=[report.labeller.group(group) for group in headlines.result_groups(report)],
        max_sizes=max_sizes,
        by_arm=[", ".join(f"{n:,.0f} {arm}" for n, arm in zip(group, arms, strict=False)) for group in max_sizes],
        small=labels.describe_small_groups(chain(*sizes), "of this table", report.analysis),
        results=results,
        checks=headlines.robustness_lines(report),
        pieces=pieces.group_pieces(pieces.read_pieces(report)),
        # Without reported values, a folder of findings belongs to another configuration.
        findings=_read_findings(consistency, report.trial) if report.settings.published else [],
        drawing=drawing.read_text(encoding="utf-8") if drawing.exists() and report.settings.published else "",
        paragraph=methods_paragraph(report),
        configuration=as_yaml(report.settings, report.analysis.name),
    )


def claims_page(report: Report) -> str:
    """Return the table of reported values as a separate page."""
    places = {item["label"]: item["key"] for item in (*report.figures, *report.built_tables)}
    for figure in report.figures:
        letters = [panel["letter"] for panel in figure["panels"] if panel["verdicts"]]
        places |= {f"{figure['label']}{letter}": f"{figure['key']}-{letter}" for letter in letters if letter}
    links = page_links(report.settings, "claims.html", report.analysis.name)
    values = template_values(report) | {"title": f"Reported values: {report.analysis.name}", "links": links}
    return render_page("claims.html.j2", **values, libraries=("sortable",), places=places)


def methods_paragraph(report: Report) -> str:
    """Return methods and main results as Markdown for a manuscript; markup in names is escaped."""
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return "[" + ",".join(str(cited.index(key) + 2) for key in keys) + "]"

    template = text_template("methods.md.j2")
    results = [
        _describe_comparison(line, group, e, report) for line, group, _, e in headlines.compare_headlines(report) if e
    ]
    sizes = [result["effect"].n for result in results]
    small = labels.describe_small_groups(sizes, "of those named here", report.analysis)
    text = template.render(cite=cite, results=results, small=small, **template_values(report))
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    references = [report.trial.citation, *(REFERENCES.get(key, key) for key in cited)]
    numbered = (f"{number}. {' '.join(entry.split())}" for number, entry in enumerate(references, start=1))
    return escape_markdown("\n\n".join(filter(None, [*paragraphs, "\n".join(numbered)]))) + "\n"


def template_values(report: Report) -> dict[str, Any]:
    """Return the values that the report, the page of reported values and the methods share."""
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
        "label": report.label,
        "sources": source_links(trial),
        "tally": collect.count_verdicts(report.verdicts),
        "meanings": collect.VERDICTS,
        "trial": trial,
        "analysis": analysis,
        "robustness": robustness,
        "test": get_test(analysis.test),
        "estimator": uncapitalize(labels.estimator_label(analysis)),
        "search": headlines.describe_search(report),
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
        "absent": [
            f"{label} ({h.role})" if h.role else label
            for h, _, label, e in headlines.compare_headlines(report)
            if not e
        ],
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


def write_comparison(
    tables: Mapping[str, pd.DataFrame], settings: Settings, trial: Trial, folder: Path, label: str | None
) -> None:
    """Write the page that compares all analyses, from ``comparisons``, ``claims`` and ``summary`` of :mod:`d_q_trial.compare`.

    The folder of the page may have the picture ``comparison.png``; ``label`` marks synthetic data.
    """
    comparisons, claims = tables["comparisons"], tables["claims"]
    lines = read_catalogue(settings.tables, trial).headlines
    compared = claims["conclusion"].isin([compare.STAYS, compare.LOST, compare.GAINED])
    picture = folder / "comparison.png"
    alt = "P-values of comparisons in every analysis; those of all comparisons are in comparisons.csv."
    page = render_page(
        "comparison.html.j2",
        title="Comparison of analyses",
        label=label,
        links=page_links(settings, "../compare/comparison.html"),
        reference=settings.reference,
        analyses=tables["summary"].to_dict("records"),
        alphas={name: f"{entry.alpha:g}" for name, entry in settings.analyses.items()},
        arms=f"{trial.arms.control.label} / {trial.arms.treated.label}",
        forests=list(filter(None, (_forest(line, comparisons, settings, trial) for line in lines))),
        changed=_changed_conclusions(comparisons, settings, trial),
        claims=_changed_conclusions(claims, settings, trial),
        compared=claims.loc[compared, "claim"].nunique(),
        picture=embed_picture(picture, alt) if picture.exists() else None,
    )
    write_text(page, folder / "comparison.html")


def write_overview(results: Path, settings: Settings, trial: Trial) -> None:
    """Write ``index.html``, which links to every page of the current configuration and counts the conclusions that change."""
    base, summary = settings.analyses[settings.reference], results / "compare/summary.csv"
    rows = collect.read_rows_if_exists(summary) if len(settings.analyses) > 1 else ()
    verdicts = collect.read_verdicts(results / settings.reference / "claims.csv", Labeller(trial, base))
    page = render_page(
        "index.html.j2",
        title="Overview of the results",
        label=find_label(results, settings),
        trial=trial,
        reference=settings.reference,
        analyses={name: compare.describe_differences(entry, base, trial) for name, entry in settings.analyses.items()},
        changed={row["analysis"]: sum(int(row[kind]) for kind in compare.CHANGED) for row in rows},
        summaries=collect.summarize_sources(verdicts),
        pages=[(text, address.removeprefix("../")) for text, address in page_links(settings, "../index.html")[1:]],
        sources=source_links(trial),
    )
    write_text(page, results / "index.html")


def source_links(trial: Trial) -> list[tuple[str, str]]:
    """Return the article and the registry entry, as text and address."""
    doi = re.search(r"doi:(\S+)", trial.citation)
    links = [(f"Article (doi:{doi[1]})", f"https://doi.org/{doi[1]}")] if doi else []
    if trial.registration.startswith("NCT"):
        links.append((f"Registry ({trial.registration})", f"https://clinicaltrials.gov/study/{trial.registration}"))
    return links


def find_label(results: Path, settings: Settings) -> str | None:
    """Return the label of synthetic data, if any workbook has one, else None."""
    workbooks = dict.fromkeys(entry.workbook_id for entry in settings.analyses.values())
    data_labels = dict.fromkeys(read_description(results / "workbooks" / name)["label"] for name in workbooks)
    return "; ".join(filter(None, data_labels)) or None


def _read_findings(folder: Path, trial: Trial) -> list[tuple[str, str, list[Finding]]]:
    """Read the findings on the reported numbers, grouped by kind, with labels instead of keys."""
    rows = collect.read_rows_if_exists(folder / "findings.csv")
    labelled = ({name: replace_keys(text, trial) for name, text in row.items()} for row in rows)
    findings = sort_findings(Finding(**fields) for fields in labelled)
    return [(kind, KINDS[kind], list(members)) for kind, members in groupby(findings, key=attrgetter("kind"))]


def _forest(line: Headline, tests: pd.DataFrame, settings: Settings, trial: Trial) -> dict[str, Any] | None:
    """Return one comparison in all analyses; those with the reference's measure share an axis."""
    reference = settings.analyses[settings.reference]
    place = compare.rank_strata(reference.strata.labels).get(line.stratum, line.stratum)
    tests = tests[tests["outcome"].eq(line.outcome) & tests["visit"].eq(line.visit) & tests["place"].eq(place)]
    base = tests[tests["analysis"].eq(settings.reference)]
    if base.empty:
        return None
    measure, outcome = base["measure"].item(), trial.outcomes[line.outcome]
    rows = [forest_row(row, settings.analyses[row["analysis"]], measure, outcome) for row in tests.to_dict("records")]
    ends = [0.0, *chain.from_iterable(row["ends"] or () for row in rows)]
    margin = 0.03 * (max(ends) - min(ends)) or 1.0
    return {
        "title": f"{Labeller(trial, reference).cell('outcome', base.iloc[0])}, {_place_label(place)}",
        "unit": labels.change_unit(measure, outcome.unit),
        "low": min(ends) - margin,
        "high": max(ends) + margin,
        "rows": rows,
    }


def forest_row(row: Mapping[str, Any], analysis: Analysis, measure: str, outcome: Outcome) -> dict[str, Any]:
    """Return a row of a forest plot: the estimate of an analysis, drawn if its measure is that of the reference."""
    test = get_test(analysis.test)
    ends = tuple(row[name] for name in test.estimate)
    compared, same_measure = row["conclusion"] != compare.NOT_MADE, row["measure"] == measure
    has_interval = not any(map(math.isnan, ends))
    decimals = labels.change_decimals(row["measure"] or measure, outcome.decimals)
    text = f"{formatting.format_number(ends[0], decimals)} (no interval)"
    if has_interval:
        text = formatting.format_interval(*ends, decimals)
    if test.mean_difference:
        text += f", {labels.uncapitalize(labels.estimator_label(analysis))}"
    if compared and not same_measure:
        kind = labels.CHANGES[row["measure"]], labels.change_unit(row["measure"], outcome.unit)
        text += f", as {' in '.join(dict.fromkeys(filter(None, kind)))}"
    return {
        "analysis": row["analysis"],
        "stratum": "" if row["place"] == "all" else row["stratum"],
        "n": f"{row['n_second']} / {row['n_first']}" if compared else "",
        "text": text if compared else "not made",
        "ends": ends if compared and same_measure and has_interval else None,
        "p": formatting.format_p_digits(row["p"]) if compared else "",
        "significant": row["significant"] == "yes",
        "conclusion": compare.CHANGED.get(row["conclusion"], ""),
    }


def _changed_conclusions(table: pd.DataFrame, settings: Settings, trial: Trial) -> list[list[str]]:
    """Return changed conclusions as cells: comparisons with their P in the reference, claims as reported."""
    changed = []
    for row in table[table["conclusion"].isin(compare.CHANGED)].to_dict("records"):
        outcome = Labeller(trial, settings.analyses[row["analysis"]]).cell("outcome", row)
        cells = [f"{outcome}, {_place_label(row['place'])}", row["analysis"], compare.CHANGED[row["conclusion"]]]
        is_claim = "reported" in row
        reference = [row["reported"], row["locator"]] if is_claim else [formatting.format_p_digits(row["reference_p"])]
        changed.append([*cells, formatting.format_p_digits(row["p"]), *reference])
    return changed


def _place_label(place: str) -> str:
    return "all participants" if place == "all" else f"{place} subgroup"
