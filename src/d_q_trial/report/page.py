"""Write the pages: report and reported values of an analysis, the comparison of analyses, and the overview."""

import math
import re
from collections.abc import Mapping
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from .. import compare, formatting, labels
from ..config.settings import Analysis, Settings, as_yaml
from ..consistency.findings import KINDS, Finding, replace_keys, sort_findings
from ..files import read_description, write_text
from ..pages import embed_picture, page_links, render_page
from ..stats.two_sample import get_test
from ..tables.build import Headline, read_catalogue
from ..trial import Outcome, Trial
from . import collect, headlines, methods, pieces
from .collect import Labeller, Report


def write_report(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Write ``report.html``, ``claims.html`` and ``methods.md`` of an analysis, and return what they show."""
    report = collect.collect_report(results, settings, trial, name)
    write_text(report_page(report), report.folder / "report.html")
    write_text(claims_page(report), report.folder / "claims.html")
    write_text(methods.methods_paragraph(report), report.folder / "methods.md")
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
        **_shared_values(report, "report.html"),
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
        paragraph=methods.methods_paragraph(report),
        configuration=as_yaml(report.settings, report.analysis.name),
    )


def claims_page(report: Report) -> str:
    """Return the table of reported values as a separate page."""
    places = {item["label"]: item["key"] for item in (*report.figures, *report.built_tables)}
    for figure in report.figures:
        letters = [panel["letter"] for panel in figure["panels"] if panel["verdicts"]]
        places |= {f"{figure['label']}{letter}": f"{figure['key']}-{letter}" for letter in letters if letter}
    values = _shared_values(report, "claims.html")
    return render_page("claims.html.j2", **values, libraries=("sortable",), places=places)


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


def _shared_values(report: Report, current: str) -> dict[str, Any]:
    """Return the values that the report and the page of reported values share."""
    return methods.template_values(report) | {
        "title": f"{'Report' if current == 'report.html' else 'Reported values'}: {report.analysis.name}",
        "label": report.label,
        "links": page_links(report.settings, current, report.analysis.name),
        "sources": source_links(report.trial),
        "tally": collect.count_verdicts(report.verdicts),
        "meanings": collect.VERDICTS,
    }


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
