"""The checks: each yields findings on P-values and group sizes, or from comparing published tables with each other."""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact

from ..published_tables import BOUNDS, ReportedNumber, Row, parse_number, split_relation
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from . import VARIANTS
from .findings import Finding, make_finding, slug
from .inference import ALPHA, ATTAINABLE, FEWER, MANY_TIES, MAX_MISSING, NEITHER, STATUSES, Assessment, Report, assess_p
from .lattice import MAX_PAIRS
from .reported import PARTS, QUANTITY, collect_quantiles

_TEST_NAMES = {"rank_sum": "rank-sum test", "chi_squared": "chi-squared"}
_SMALLER_PAIRS = (MAX_MISSING + 1) ** 2 - 1  # pairs of smaller group sizes that are tried for each P
_name_parts = itemgetter("source", "outcome", "visit", "group")  # of a finding on one row
_KIND_LABELS = {"P": "P-values", "median": "medians", "n": "numbers of participants"}


def check_variant_of_the_test(report: Report) -> Iterator[Finding]:
    """Report the variant that the P-values fit, or that the published tables do not determine it."""
    if scores := report.inference.scores:
        yield make_finding("rank-sum-variant", scores=scores, fits=report.inference.fits)
    elif report.reported.tables:
        yield make_finding("no-variant", value=len(report.reported.p_values))


def check_definition_of_quartiles(report: Report) -> Iterator[Finding]:
    """Report the definition of the quartiles, if some digits depend on it."""
    if report.steps:
        yield make_finding("quartile-definition", definitions=report.definitions, steps=report.steps)


def check_p_within_quartiles(report: Report) -> Iterator[Finding]:
    """Check P-values against the bounds that the reported quantiles set."""
    if inside := [check.inside for check in report.ranges if check.p.medians and check.inside is not None]:
        widths = [c.p_high - c.p_low for c in report.ranges if c.p.relation == "=" and not math.isnan(c.p_low)]
        yield make_finding("p-against-quartiles", inside=sum(inside), expected=len(inside), widths=widths)
    yield from (make_finding("outside-quartiles", slug(c.p.claim), check=c) for c in report.ranges if c.inside is False)


def check_effects(report: Report) -> Iterator[Finding]:
    """Check reported effects against the difference of the reported medians, allowing for the rounding of all three."""
    agree = []
    checked = [p for p in report.reported.p_values if p.effect and len(p.medians) == 2]
    for p in checked:
        first, second = p.medians
        low, high = first.low - second.high, first.high - second.low
        if p.effect.meets(low, high):
            agree.append(p.claim)
        else:
            yield make_finding("effect", slug(p.claim), p=p, low=low, high=high)
    if agree:
        yield make_finding("effects-agree", agree=agree, expected=len(checked))


def check_dependence_on_the_variant(report: Report) -> Iterator[Finding]:
    """Report the P-values of the abstract that are significant under some variants only."""
    scores, depending = report.inference.scores, [row for row in report.dependence if row["depends_on_variant"]]
    with_u = {row["claim"] for row in report.dependence}
    abstract = [p.claim for p in report.reported.p_values if p.highlight and p.test == "rank_sum"]
    for row in depending:
        above = [name for variant, name in VARIANTS.items() if not is_significant(row[variant], ALPHA)]
        name = slug(f"{row['claim']}-{row['u']:g}")
        yield make_finding("depends-on-variant", name, row=row, above=above, best=scores[0])
    if abstract and scores:
        unknown = [claim for claim in abstract if claim not in with_u]
        steady = len(with_u - {row["claim"] for row in depending})
        yield make_finding("abstract-steady", unknown=unknown, value=steady, expected=len(abstract), best=scores[0])


def check_group_sizes(report: Report) -> Iterator[Finding]:
    """Report the most probable group sizes where these are not reported."""
    assumed = bool(report.reported.tables)  # without tables, the user gives all constraints
    for pair, options in report.inference.options.items():
        best = {options[0].n_first, options[0].n_second}  # P-values fit the exchanged sizes equally well
        others = [o.attainable for o in options if {o.n_first, o.n_second} != best]
        template_values = {"pair": format_pair(pair), "options": options, "others": others, "assumed": assumed}
        yield make_finding("group-size", slug(format_pair(pair)), **template_values)


def format_pair(pair: tuple[str, str]) -> str:
    """Name two groups; what their names have in parentheses once if it is the same."""
    (first, _, place), (second, _, second_place) = (name.rstrip(")").partition(" (") for name in pair)
    return f"{place}, {first} and {second}" if place and place == second_place else " and ".join(pair)


def check_fewer_participants(report: Report) -> Iterator[Finding]:
    """Report P-values that need the same smaller group sizes to be attainable without ties."""
    by_sizes: dict[tuple, list[Assessment]] = defaultdict(list)
    for a in report.assessments:
        if a.fewer and report.inference.fits:
            by_sizes[a.numbers, max(a.fewer, key=sum)].append(a)
    for (n, numbers), group in by_sizes.items():
        missed = sum(a.numbers == n and a.status != ATTAINABLE for a in report.assessments)
        # An upper bound, over the pairs that were tried and the choices among the P-values that were missed.
        chance = _SMALLER_PAIRS * math.comb(missed, len(group)) * math.prod(a.chance for a in group)
        if len(group) > 1 and chance <= 0.01:
            others = sorted(set.intersection(*(set(a.fewer) for a in group)) - {numbers}, reverse=True)
            template_values = {"n": n, "numbers": numbers, "others": others, "group": group, "chance": chance}
            template_values |= {"tried": _SMALLER_PAIRS, "missed": missed, "most": MAX_MISSING}
            yield make_finding("fewer", f"{n[0]}-{n[1]}-as-{numbers[0]}-{numbers[1]}", **template_values)


def check_attainable_p_values(report: Report) -> Iterator[Finding]:
    """Count the P-values by status, and report those that need many ties or are not attained."""
    groups = {status: [a for a in report.assessments if a.status == status] for status in STATUSES}
    if report.assessments:
        counts = [f"{len(g)} {'is' if len(g) == 1 else 'are'} {status}" for status, g in groups.items() if g]
        template_values = {"value": len(report.assessments), "counts": counts, "fewer": groups[FEWER]}
        yield make_finding("p-values-explained", **template_values, missed=len(groups[NEITHER]))
    if not report.inference.fits:
        return
    yield from (make_finding("many-ties", slug(a.p.claim), a=a) for a in groups[MANY_TIES])
    for a in groups[NEITHER]:
        others = [name for variant, name in VARIANTS.items() if assess_p(a.p, a.numbers, variant).status != NEITHER]
        yield make_finding("not-attained", slug(a.p.claim), a=a, others=others)


def check_set_aside(report: Report) -> Iterator[Finding]:
    """Report P-values of groups that are too large for the lattice, or that have no determined size."""
    if large := [p for p in report.reported.p_values if p.with_value and p.too_large]:
        yield make_finding("set-aside", large=large, most=MAX_PAIRS)
    if report.unsettled:
        yield make_finding("unsettled", unsettled=report.unsettled)


def check_zero_p_values(report: Report) -> Iterator[Finding]:
    """Report P-values of zero: "P < 0" is impossible, and "P = 0" is a rounded value."""
    for p in report.reported.p_values:
        if p.p.value <= 0 and p.relation != ">":
            yield make_finding("zero-p", slug(p.claim), p=p)


def _group_rows(rows: Iterable[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """Group rows by the cells of some columns."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name, "") for name in columns)].append(row)
    return groups


def _select_rows_with_n(report: Report, *tables: str, **cells: str) -> list[Row]:
    """Return the rows that report a number of participants, from the counts and summaries unless tables are given."""
    return [row for table in tables or ("counts", "summaries") for row in report.table(table, **cells) if row["n"]]


def _select_median_rows(report: Report, **cells: str) -> list[Row]:
    rows = report.table("summaries", **cells)
    return [row for row in rows if row["center"] and row["statistic"].startswith("median")]


def _list_numbers(rows: Iterable[Row]) -> list[tuple[Row, str, ReportedNumber]]:
    """Return every reported number of rows of the summaries, with its row and column."""
    columns = ("center", "lower", "upper")
    return [(row, column, parse_number(row[column])) for row in rows for column in columns if row[column]]


def check_sources_agree(report: Report) -> Iterator[Finding]:
    """Check that the P of a test (also a bound of it), a median or a number of participants agrees wherever it is reported."""
    agree, sources = [], []
    p_rows = [row | {"p": row["p_relation"].strip("=") + row["p"]} for row in report.table("tests")]
    for kind, rows, column, *columns in (
        ("P", p_rows, "p", "contrast", "test"),
        ("median", _select_median_rows(report), "center", "group"),
        ("n", _select_rows_with_n(report, "counts", "summaries", "compared"), "n", "group"),
    ):
        for cells, repeats in _group_rows(rows, *QUANTITY, *columns).items():
            key = cells[: len(QUANTITY) + 1]  # without the test
            numbers = [_parse_range(row[column]) for row in repeats]
            repeat_sources = {row["source"] for row in repeats}
            sources += sorted(repeat_sources)
            if not all(a.meets(b.low, b.high) for a, b in itertools.combinations(numbers, 2)):
                names = (part.replace(" ", "") for part in (kind, *key) if part)
                yield make_finding("sources-differ", *names, kind_of=kind, key=key, rows=repeats, column=column)
            elif len(repeat_sources) > 1:
                agree.append((kind, *key))
    if agree:
        counts = [f"{n} {_KIND_LABELS[kind]}" for kind, n in Counter(kind for kind, *_ in agree).items()]
        yield make_finding("sources-agree", counts=counts, agree=agree, sources=sources)


def _parse_range(text: str) -> ReportedNumber:
    """Return a reported number, or the range of P that a bound allows."""
    relation, digits = split_relation(text)
    number = parse_number(digits)
    ends = {"<": {"low": 0.0, "high": number.value}, ">": {"low": number.value, "high": 1.0}}
    return number._replace(**ends.get(relation[:1], {}))


def check_means_equal_medians(report: Report) -> Iterator[Finding]:
    """Report means of one source that repeat, digit for digit, the medians of another."""
    group_key = itemgetter("outcome", "visit", "group")
    medians = {group_key(row): row for row in _select_median_rows(report, stratum="all", measure="baseline")}
    for (outcome,), rows in _group_rows(report.table("registry_baseline", statistic="mean_sd"), "outcome").items():
        pairs = [(mean, medians[group_key(mean)]) for mean in rows if group_key(mean) in medians]
        pairs = [(mean, median) for mean, median in pairs if median["source"] != mean["source"]]
        if len(pairs) > 1 and all(mean["value"] == median["center"] for mean, median in pairs):
            chance = 1.0  # that mean and median of normal samples round to the same digits
            for mean, _ in pairs:
                error = max(parse_number(mean["spread"]).value, 1e-9) * math.sqrt((math.pi / 2 - 1) / int(mean["n"]))
                chance *= min(1.0, parse_number(mean["value"]).unit / (error * math.sqrt(2 * math.pi)))
            mean, median = pairs[0]
            yield make_finding("means-equal-medians", outcome, mean=mean, median=median, chance=chance, pairs=pairs)


def check_total_of_means(report: Report) -> Iterator[Finding]:
    """Compare the mean of the group means, weighted by group size, with the mean reported for all participants."""
    means = report.table("registry_baseline", statistic="mean_sd")
    for (*key, visit), rows in _group_rows(means, "source", "outcome", "visit").items():
        total_rows = [row for row in rows if row["group"] == "all"]
        group_rows = [row for row in rows if row["group"] != "all"]
        parts = [(int(row["n"]), parse_number(row["value"]), parse_number(row["spread"])) for row in group_rows]
        n = sum(group_n for group_n, *_ in parts)
        if len(total_rows) == 1 and parts and n == int(total_rows[0]["n"]):
            reported = parse_number(total_rows[0]["value"])
            ends = {end: sum(k * getattr(mean, end) for k, mean, _ in parts) / n for end in ("low", "value", "high")}
            squares = sum((k - 1) * sd.value**2 + k * (mean.value - ends["value"]) ** 2 for k, mean, sd in parts)
            template_values = {"row": total_rows[0], "parts": parts, "n": n, "reported": reported, "ends": ends}
            agree, spread = reported.meets(ends["low"], ends["high"]), math.sqrt(squares / max(n - 1, 1))
            names = [*key, *([visit] if visit != "baseline" else [])]
            yield make_finding("total-of-means", *names, **template_values, agree=agree, spread=spread)


def check_decimals(report: Report) -> Iterator[Finding]:
    """Report a number with fewer decimals than the others of its row and nearly all of its kind."""
    for rows in _group_rows(_select_median_rows(report), "source", "measure", "statistic", "unit").values():
        entries = _list_numbers(rows)
        usual, count = Counter(number.decimals for _, _, number in entries).most_common(1)[0]
        for row, column, number in entries if len(entries) >= 20 and count >= 0.9 * len(entries) else ():
            others = [other.decimals for entry_row, _, other in entries if entry_row is row and other is not number]
            # Zero is often reported without decimals.
            if others and number.decimals < min(usual, *others) and number.value != 0:
                largest = max(abs(n.value) for entry_row, _, n in entries if entry_row is not row)
                template_values = {"row": row, "part": column, "number": number, "largest": largest}
                template_values |= {"numbers": len(entries), "count": count, "usual": usual}
                yield make_finding("decimals", *_name_parts(row), column, **template_values)


def check_changes_below_minus_100(report: Report) -> Iterator[Finding]:
    """Report percentage changes below -100, which are impossible for a quantity that cannot be negative."""
    for row, column, number in _list_numbers(report.table("summaries", measure="percent_change")):
        if number.high < -100:
            yield make_finding("below-minus-100", *_name_parts(row), column, row=row, value=number.text)


def check_order_of_limits(report: Report) -> Iterator[Finding]:
    """Report quartiles outside the range, or limits on the wrong side of the median, over all sources together."""
    for key, texts in collect_quantiles(report.table("summaries")).items():
        quantiles = [(part, parse_number(texts[part])) for part in PARTS if part in texts]
        for count, (upper, high) in enumerate(quantiles[1:], start=1):
            lower, low = max(quantiles[:count], key=lambda quantile: quantile[1].low)
            if low.low >= high.high:
                template_values = {"key": key, "lower": lower, "upper": upper, "low": low, "high": high}
                yield make_finding("order", *filter(None, key), lower, upper, **template_values)


def check_parts_and_wholes(report: Report) -> Iterator[Finding]:
    """Add up the numbers of participants of strata and of groups, and compare each sum with the reported total."""
    key = ["source", *QUANTITY, "group"]
    rows = [dict.fromkeys(key, "") | row for row in _select_rows_with_n(report, "counts", "registry_baseline")]
    steps = report.table("registry_flow")
    rows += [dict.fromkeys(key, "") | row | {"outcome": row["reason"] or row["milestone"]} for row in steps]
    numbers = pd.DataFrame(rows, columns=[*key, "locator", "n"]).drop_duplicates(key).astype({"n": int})
    groups = numbers[numbers["group"].ne("all")].assign(group="all", parts="groups")
    strata = numbers[numbers["marker"].ne("") & numbers["stratum"].ne("all")].assign(stratum="all")
    strata["parts"] = "strata by " + strata["marker"]
    # The total over the strata of a marker is reported with the marker or without.
    has_total = pd.MultiIndex.from_frame(strata[key]).isin(pd.MultiIndex.from_frame(numbers[key]))
    strata.loc[~has_total, "marker"] = ""
    parts = pd.concat([groups, strata]).groupby([*key, "parts"], sort=False, as_index=False)
    sums = parts.agg(expected=("n", "sum"), count=("n", "size"), locators=("locator", list)).merge(numbers, on=key)
    sums = sums[sums["count"] > 1]
    agree = sums["n"].eq(sums["expected"])
    # Strata that nowhere include all participants leave out those without a value of the marker.
    is_part = sums["parts"].ne("groups") & sums["marker"].eq("") & ~sums["parts"].isin(sums.loc[agree, "parts"])
    sums["kind"] = np.where(is_part & sums["expected"].lt(sums["n"]), "observation", "difference")
    for total in sums[~agree].to_dict("records"):
        names = [total[column] for column in key] + total["parts"].split()[-1:]
        yield make_finding("sum", *(name for name in names if name not in ("", "all")), total=total)
    if agree.any():
        template_values = {"value": agree.sum(), "expected": len(sums), "sources": sums["source"].unique()}
        yield make_finding("sums-of-participants", **template_values)


def check_stated_numbers(report: Report) -> Iterator[Finding]:
    """Compare a number of participants stated once for several panels with the numbers reported for each."""
    count_rows = _group_rows(_select_rows_with_n(report, stratum="all"), "outcome", "visit", "group")
    counts = {key: int(rows[0]["n"]) for key, rows in count_rows.items()}
    statements = _group_rows(report.table("statements", kind="n"), "source", "locator", "subject", "visits")
    for (source, locator, outcomes, visits), rows in statements.items():
        stated = {row["group"]: int(row["value"]) for row in rows}
        differing = {}  # the counted numbers, by outcome and visit
        fits = []  # P-values, each with the counted and the stated numbers
        for outcome, visit in itertools.product(outcomes.split(), visits.split()):
            counted = {group: counts[key] for group in stated if (key := (outcome, visit, group)) in counts}
            if not counted.items() <= stated.items():
                differing[f"{outcome} at {visit}"] = "/".join(map(str, counted.values()))
                cells = {"outcome": outcome, "visit": visit, "source": source, "stratum": "all"}.items()
                sizes = [tuple(numbers[group] for group in counted) for numbers in (counted, stated)]
                if len(counted) == 2 and report.inference.fits:
                    fits += [(p, sizes) for p in report.reported.p_values if p.usable and cells <= p.row.items()]
        if differing:
            template_values = {"rows": rows, "differing": differing, "fits": fits, "variant": report.inference.variant}
            yield make_finding("stated-n", slug(f"{source} {locator}"), **template_values)


def check_other_tests(report: Report) -> Iterator[Finding]:
    """Recompute P-values of two counts, compare them with the test stated for their table, and list those not checked."""
    statements, unchecked = report.table("statements", kind="test"), []
    for claim in statements:
        for row in report.table("tests", locator=claim["subject"], source=claim["source"]):
            template_values = _recompute_p_of_counts(report, row) | {"claim": claim, "statements": statements}
            if row["test"] != claim["value"] and _TEST_NAMES.get(claim["value"]) not in template_values["hits"]:
                yield make_finding("stated-test", row["outcome"], **template_values)
    for p in report.reported.p_values:
        recomputed = _recompute_p_of_counts(report, p.row) if p.row else {"results": {}}
        if recomputed["results"] and not recomputed["hits"]:
            yield make_finding("p-of-counts", p.row["outcome"], p.row["visit"], **recomputed)
        elif not recomputed["results"] and p.test != "rank_sum":
            unchecked.append(p)
    if unchecked:
        yield make_finding("not-checked", unchecked=unchecked)


def _recompute_p_of_counts(report: Report, row: Row) -> dict[str, Any]:
    """Return a ``row`` of tests, its ``counts``, P of the usual tests as ``results``, and the tests that give P as ``hits``.

    There are no results without counts of both groups, or if none or all of the participants are counted.
    """
    cells = {name: row[name] for name in ("source", *QUANTITY)} | {"statistic": "count_percent"}
    groups = [report.table("summaries", **cells, group=group) for group in row["contrast"].split(" - ")]
    (a, n), (b, m) = ((int(rows[0]["center"]), int(rows[0]["n"])) if rows else (0, 0) for rows in groups)
    if not all(groups) or a + b in (0, n + m):
        return {"row": row, "results": {}, "hits": []}
    table = [[a, n - a], [b, m - b]]
    first, second = (np.repeat([1.0, 0.0], counts) for counts in table)
    results = {
        "chi-squared": float(chi2_contingency(table, correction=False).pvalue),
        "chi-squared with Yates' correction": float(chi2_contingency(table).pvalue),
        "Fisher's exact test": float(fisher_exact(table).pvalue),
        "rank-sum test": get_test("normal").compare(first, second).p,
    }
    number, relation = parse_number(row["p"]), BOUNDS.get(row["p_relation"])
    hits = [name for name, p in results.items() if (relation(p, number.value) if relation else number.meets(p, p))]
    return {"row": row, "counts": f"{a} of {n} and {b} of {m}", "results": results, "hits": hits}


def check_percentages(report: Report) -> Iterator[Finding]:
    """Recompute reported percentages from their counts."""
    of_counts, entries = {"statistic": "count_percent"}, []
    for rows, *names in (
        (report.table("summaries", **of_counts), "outcome", "center", "n", "lower"),
        (report.table("registry_baseline", **of_counts), "outcome", "value", "n", "spread"),
        (report.table("adverse_events"), "event", "affected", "at_risk", "percent"),
    ):
        entries += [(row, *map(row.get, names)) for row in rows]
    checked, differing = [entry for entry in entries if all(entry)], 0
    for row, name, count, n, percent in checked:
        reported, actual = parse_number(percent), 100 * int(count) / int(n)
        if not reported.meets(actual, actual):
            differing += 1
            where = f"{row['source']}, {row['locator']}, {name}, {row['group']}"
            template_values = {"where": where, "count": count, "n": n, "reported": reported, "actual": actual}
            yield make_finding("percent", slug(where), **template_values)
    if len(checked) > differing:
        yield make_finding("percentages", value=len(checked) - differing, expected=len(checked))


def check_flow(report: Report) -> Iterator[Finding]:
    """Check the participant flow: milestones, reasons for not completing, and completers against the numbers at visits."""
    for (_, group), rows in _group_rows(report.table("registry_flow"), "source", "group").items():
        reasons = [int(row["n"]) for row in rows if row["reason"]]
        flow = {row["milestone"]: int(row["n"]) for row in rows if not row["reason"]}
        missing = flow.get("not_completed", sum(reasons) if reasons else None)
        template_values = {"group": group, "row": rows[0], "flow": flow, "reasons": sum(reasons), "missing": missing}
        if flow.keys() >= {"started", "completed"}:
            left = flow["started"] - flow["completed"]
            if left < 0 or missing not in (None, left):
                yield make_finding("flow-sum", group, **template_values)
        if reasons and sum(reasons) != missing:
            yield make_finding("flow-reasons", group, **template_values)
        # At the last visit there are no fewer participants than at the visit with the fewest.
        counted = _select_rows_with_n(report, stratum="all", group=group)
        visits = _group_rows((row for row in counted if row["visit"] != "baseline"), "visit")
        counts = [(max(int(row["n"]) for row in at_visit), visit) for (visit,), at_visit in visits.items()]
        n, visit = min(counts, default=(0, ""))
        if n > flow.get("completed", math.inf):
            excess = [row for row in visits[visit,] if int(row["n"]) > flow["completed"]]
            measured = sorted({(int(row["n"]), row["outcome"]) for row in excess}, reverse=True)
            yield make_finding("completers", group, **template_values, visit=visit, measured=measured, rows=excess)


def check_withdrawals(report: Report) -> Iterator[Finding]:
    """Compare the withdrawals that one source reports with the participants who did not complete in the other."""
    for row in report.table("registry_flow", milestone="not_completed", reason=""):
        sources = _group_rows(report.table("flow", arm=row["group"]), "source")
        for (source,), rows in sources.items():
            counts = [(r["step"], int(r["count"])) for r in rows]
            gone, left = ([n for step, n in counts if step == name] for name in ("withdrew", "left_treatment"))
            if gone or left:
                names = [row["group"], *([source] if len(sources) > 1 else [])]
                yield make_finding("withdrawals", *names, flow_row=rows[0], row=row, value=sum(gone), left=sum(left))


def check_shares(report: Report) -> Iterator[Finding]:
    """Compare the number of participants of a stratum with the fraction of all that the paper states."""
    overall = _select_rows_with_n(report, "counts", group="all")
    n_all = max((int(row["n"]) for row in overall if not row["marker"]), default=0)
    for claim in report.table("statements", kind="share"):
        names = claim["subject"], claim["group"]
        rows = [row for row in overall if (row["marker"], row["stratum"]) == names]
        if rows and n_all:
            row, stated = max(rows, key=lambda row: int(row["n"])), float(Fraction(claim["value"]) * n_all)
            yield make_finding("share", *names, claim=claim, row=row, n_all=n_all, stated=stated)


def check_stated_limits(report: Report) -> Iterator[Finding]:
    """Report a criterion or number that two sources state differently."""
    for (subject,), rows in _group_rows(report.table("statements", kind="limit"), "subject").items():
        if len({parse_number(row["value"]).value for row in rows}) > 1:
            yield make_finding("stated", slug(subject), rows=rows)


def check_adverse_events(report: Report) -> Iterator[Finding]:
    """Report events that two sources count differently, or that only one of them lists under that name."""
    rows = [row | {"event": " ".join(row["event"].lower().split())} for row in report.table("adverse_events")]
    affected = report.table("statements", kind="affected")
    overall = [row | {"event": "overall", "affected": row["value"]} for row in affected]
    sources = list(dict.fromkeys(row["source"] for row in rows))
    for pair in itertools.combinations(sources, 2):
        names = [slug(" ".join(pair))] if len(sources) > 2 else []
        yield from _compare_events(report, [row for row in rows + overall if row["source"] in pair], names)


def _compare_events(report: Report, rows: list[Row], names: list[str]) -> Iterator[Finding]:
    """Compare the counts of two sources; ``names`` are added to those of the findings."""
    events = pd.DataFrame(rows, columns=["source", "event", "group", "affected"])
    short, full = events.groupby("source")["event"].nunique().sort_values().index
    events["affected"] = pd.to_numeric(events["affected"])
    other_names = _pair_names(events, short, full)
    events["event"] = events["event"].replace({other: event for event, other in other_names.items()})
    # Of an event under several headings, the largest count; without a count for a group, a listed event has none there.
    counts = events.pivot_table("affected", ["event", "group"], "source", "max", sort=False)
    counts = counts.reindex([short, full], axis=1).set_axis(["short", "full"], axis=1).reset_index()
    counts["other_name"] = [f" as {other_names[event]}" if event in other_names else "" for event in counts["event"]]
    is_named = counts["event"].isin(events.loc[events["source"].eq(full), "event"])
    counts["full"] = counts["full"].mask(is_named, counts["full"].fillna(0))
    least = next((int(row["value"]) for row in report.table("statements", kind="listed_from", source=short)), 1)
    groups = events.loc[events["source"].eq(short), "group"].unique()
    is_shown = counts["short"].notna()
    rows_by_result = {
        "agree": counts["short"].eq(counts["full"]),
        "differ": is_shown & is_named & counts["short"].ne(counts["full"]),
        "only-short": is_shown & ~is_named,
        "only-full": ~is_shown & counts["group"].isin(groups) & counts["full"].ge(least),
    }
    sums = []  # of the events of the full list with the last word of a name that only the short list has
    for word in counts.loc[rows_by_result["only-short"], "event"].str.split().str[-1].dropna().unique():
        parts = counts[is_named & counts["event"].str.contains(rf"\b{re.escape(word)}\b")]
        totals = parts.groupby("group")["full"].sum().reindex(groups, fill_value=0)
        sums.append((word, sorted(parts["event"].unique()), totals.items()))
    first = next(row for row in rows if row["source"] == short)
    values = {"names": names, "first": first, "short": short, "full": full, "least": least, "sums": sums}
    for result, mask in rows_by_result.items():
        if mask.any():
            yield make_finding(f"adverse-events-{result}", *names, **values, rows=counts[mask].to_dict("records"))


def _pair_names(events: pd.DataFrame, short: str, full: str) -> dict[str, str]:
    """Return the name in the full list of events that the short list names otherwise.

    It is the only unmatched name with the last word, a long one, and every listed count, and of no other event.
    """
    listed = events.dropna().groupby(["source", "event", "group"], as_index=False)["affected"].max()
    listed = listed[events.groupby("event")["source"].nunique().reindex(listed["event"]).eq(1).to_numpy()]
    first, second = (listed[listed["source"].eq(source)] for source in (short, full))
    first = first.assign(word=first["event"].str.extract(r"\b(\w{5,})\W*$", expand=False)).dropna()
    second = second.assign(word=second["event"].str.findall(r"\w+")).explode("word").drop_duplicates()
    same = first.merge(second, on=["group", "affected", "word"]).groupby(["event_x", "event_y"], as_index=False).size()
    pairs = same[same["size"].eq(same["event_x"].map(first["event"].value_counts()))]
    unique = ~(pairs["event_x"].duplicated(keep=False) | pairs["event_y"].duplicated(keep=False))
    return dict(pairs.loc[unique, ["event_x", "event_y"]].to_numpy())
