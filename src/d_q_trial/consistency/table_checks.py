"""Findings on published tables against each other: numbers, medians, means, percentages, statements, flow and events."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact

from ..published_tables import Number, Row, parse_number
from ..stats.two_sample import get_test
from .findings import Finding, make_finding, slug
from .inference import ATTAINABLE, Report, assess
from .reported import PARTS, QUANTITY, reported_quantiles

_KINDS = {"P": "P-values", "median": "medians", "n": "numbers of participants"}
_TESTS = {"rank_sum": "the rank-sum test", "chi_squared": "the chi-squared test"}


def _grouped(rows: Iterable[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """Group rows by the cells of some columns."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name, "") for name in columns)].append(row)
    return groups


def _numbers(report: Report, *tables: str, **cells: str) -> list[Row]:
    """Return the rows that report a number of participants, of counts and summaries or of some tables."""
    return [row for table in tables or ("counts", "summaries") for row in report.table(table, **cells) if row["n"]]


def _medians(report: Report, **cells: str) -> list[Row]:
    rows = report.table("summaries", **cells)
    return [row for row in rows if row["statistic"].startswith("median") and row["center"]]


def _limits(rows: Iterable[Row]) -> Iterator[tuple[Row, str, Number]]:
    """Yield every number of rows of the summaries with its row and column."""
    for row in rows:
        yield from ((row, part, parse_number(row[part])) for part in ("center", "lower", "upper") if row[part])


def _quantity(key: tuple[str, ...]) -> str:
    return " ".join(part for part in key if part not in ("", "all"))


def check_sources_agree(report: Report) -> Iterator[Finding]:
    """Check that a P, a median or a number of participants is the same wherever it is reported."""
    agree, sources = [], []
    for kind, rows, column, group in (
        ("P", report.table("tests", p_relation="="), "p", "contrast"),
        ("median", _medians(report), "center", "group"),
        ("n", _numbers(report, "counts", "summaries", "compared"), "n", "group"),
    ):
        for key, same in _grouped(rows, *QUANTITY, group).items():
            pairs = itertools.combinations([parse_number(row[column]) for row in same], 2)
            own = {row["source"] for row in same}
            sources += sorted(own)
            if all(a.value == b.value or (kind != "n" and a.meets(b.low, b.high)) for a, b in pairs):
                agree += [(kind, *key)] if len(own) > 1 else []
                continue
            texts = dict.fromkeys(f"{row[column]} ({row['source']})" for row in same)
            names = (part.replace(" ", "") for part in (kind, *key) if part)
            yield make_finding(
                "sources-differ", *names, kind_of=kind, quantity=_quantity(key), rows=same, texts=list(texts)
            )
    if agree:
        counts = [f"{n} {_KINDS[kind]}" for kind, n in Counter(kind for kind, *_ in agree).items()]
        yield make_finding("sources-agree", counts=counts, agree=agree, sources=sources)


def check_means_equal_medians(report: Report) -> Iterator[Finding]:
    """Report means of one source that repeat, digit for digit, the medians of another."""
    medians = {
        (row["outcome"], row["visit"], row["group"]): row for row in _medians(report, stratum="all", measure="baseline")
    }
    for (outcome,), rows in _grouped(report.table("registry_baseline", statistic="mean_sd"), "outcome").items():
        pairs = [(row, medians.get((outcome, row["visit"], row["group"]))) for row in rows]
        found = [(mean, median) for mean, median in pairs if median and median["source"] != mean["source"]]
        if len(found) > 1 and all(mean["value"] == median["center"] for mean, median in found):
            chance = math.prod(_mean_meets_median(mean) for mean, _ in found)
            mean, median = found[0]
            yield make_finding("means-equal-medians", outcome, mean=mean, median=median, chance=chance, found=found)


def _mean_meets_median(row: Row) -> float:
    """Return the probability that mean and median of a normal sample round to the same digits."""
    error = max(parse_number(row["spread"]).value, 1e-9) * math.sqrt((math.pi / 2 - 1) / int(row["n"]))
    return min(1.0, parse_number(row["value"]).unit / (error * math.sqrt(2 * math.pi)))


def check_total_of_means(report: Report) -> Iterator[Finding]:
    """Compare means of the groups, weighted by their numbers, with the mean reported for all together."""
    means = report.table("registry_baseline", statistic="mean_sd")
    for key, rows in _grouped(means, "source", "outcome").items():
        total = [row for row in rows if row["group"] == "all"]
        parts = [
            (int(r["n"]), parse_number(r["value"]), parse_number(r["spread"])) for r in rows if r["group"] != "all"
        ]
        n = sum(k for k, _, _ in parts)
        if len(total) == 1 and parts and n == int(total[0]["n"]):
            ends = {end: sum(k * getattr(mean, end) for k, mean, _ in parts) / n for end in ("low", "value", "high")}
            squares = sum((k - 1) * sd.value**2 + k * (mean.value - ends["value"]) ** 2 for k, mean, sd in parts)
            reported, spread = parse_number(total[0]["value"]), math.sqrt(squares / max(n - 1, 1))
            words = {"row": total[0], "parts": parts, "n": n, "ends": ends, "spread": spread}
            words |= {"agree": reported.meets(ends["low"], ends["high"]), "decimals": reported.decimals}
            yield make_finding("total-of-means", *key, **words)


def check_decimals(report: Report) -> Iterator[Finding]:
    """Report a limit with fewer decimals than all the others of its kind."""
    for rows in _grouped(_medians(report), "source", "measure", "statistic", "unit").values():
        values = list(_limits(rows))
        usual, count = Counter(value.decimals for _, _, value in values).most_common(1)[0]
        if len(values) < 20 or count < 0.9 * len(values):
            continue
        sizes = sorted(abs(value.value) for _, _, value in values)
        for row, part, value in values:
            places = [other.decimals for of, _, other in values if of is row]
            alone = places.count(value.decimals) == 1 and len(places) > 1
            if value.decimals >= usual or not alone or value.value == 0:  # zero is often reported without decimals
                continue
            largest = max(abs(other.value) for of, _, other in values if of is not row)
            words = {"row": row, "part": part, "value": value.text, "numbers": len(values), "count": count}
            words |= {"usual": usual, "in_line": f"{value.value / 10**usual:.{usual}f}"}
            words["beyond"] = value.value / sizes[-2] if value.value > 2 * largest else 0
            yield make_finding("decimals", *_names(row, part), **words)


def check_changes_below_minus_100(report: Report) -> Iterator[Finding]:
    """Report percentage changes that a quantity which cannot be negative cannot show."""
    for row, part, value in _limits(report.table("summaries", measure="percent_change")):
        if value.high < -100:
            yield make_finding("below-minus-100", *_names(row, part), row=row, value=value.text)


def _names(row: Row, part: str) -> tuple[str, ...]:
    return row["source"], row["outcome"], row["visit"], row["group"], part


def check_order_of_limits(report: Report) -> Iterator[Finding]:
    """Report quartiles outside the range, or limits on the wrong side of the median, over all sources together."""
    for key, texts in reported_quantiles(report.table("summaries")).items():
        values = [(part, parse_number(texts[part])) for part in PARTS if part in texts]
        for (lower, low), (upper, high) in itertools.pairwise(values):
            if low.low > high.high:
                words = {"where": _quantity(key), "lower": lower, "upper": upper, "high": high.text}
                yield make_finding("order", *(part for part in key if part), lower, upper, value=low.text, **words)


def check_parts_and_wholes(report: Report) -> Iterator[Finding]:
    """Add up the numbers of strata and of groups, and compare with the reported whole."""
    sources = []  # of each sum
    reported = _numbers(report, "counts", "registry_baseline")
    for rows in _grouped(reported, "source", "outcome", "measure", "visit").values():
        numbers = {cells: own[0] for cells, own in _grouped(rows, "marker", "stratum", "group").items()}
        parts: dict[tuple[str, tuple[str, ...]], list[Row]] = defaultdict(list)
        for (marker, stratum, group), row in numbers.items():
            if group != "all":
                parts["groups", (marker, stratum, "all")].append(row)
            if marker and stratum != "all":
                whole = (marker, "all", group)
                parts[f"strata by {marker}", whole if whole in numbers else ("", "all", group)].append(row)
        for (name, of), own in parts.items():
            if of in numbers and len(own) > 1:
                value, total, own = numbers[of]["n"], sum(int(row["n"]) for row in own), [numbers[of], *own]
                sources.append(own[0]["source"])
                if int(value) != total:
                    names = [own[0].get(part, "") for part in ("source", *QUANTITY, "group")]
                    names = [name for name in (*names, name.split()[-1]) if name not in ("", "all")]
                    yield make_finding("sum", *names, parts=name, whole=own[0], rows=own, value=value, expected=total)
    if sources:
        yield make_finding("sums-of-participants", value=len(sources), sources=sources)


def check_stated_numbers(report: Report) -> Iterator[Finding]:
    """Compare a number of participants stated once for several panels with the numbers reported for each."""
    rows_of = _grouped(_numbers(report, stratum="all"), "outcome", "visit", "group")
    counted = {key: int(rows[0]["n"]) for key, rows in rows_of.items()}
    statements = _grouped(report.table("statements", kind="n"), "source", "locator", "subject", "visits")
    for (source, locator, outcomes, visits), rows in statements.items():
        stated = {row["group"]: int(row["value"]) for row in rows}
        differing, fits, seen = [], [], []
        for outcome, visit in itertools.product(outcomes.split(), visits.split()):
            actual = {group: counted[key] for group in stated if (key := (outcome, visit, group)) in counted}
            if actual.items() <= stated.items():
                continue
            seen.append("/".join(map(str, actual.values())))
            differing.append(f"{outcome} at {visit} has {seen[-1]}")
            wanted = {"outcome": outcome, "visit": visit, "source": source, "stratum": "all"}.items()
            for p in report.reported.p_values if len(actual) == 2 and report.inference.fits else ():
                if p.usable and wanted <= p.row.items():
                    each = []
                    for n, m in (map(numbers.get, actual) for numbers in (actual, stated)):
                        hit = assess(p, (n, m), report.inference.variant).status == ATTAINABLE
                        each.append(f"{'' if hit else 'not '}attainable with {n}/{m}")
                    fits.append(f"P = {p.p.text} is {' and '.join(each)}")
        if differing:
            words = {"value": "/".join(map(str, stated.values())), "differing": differing, "fits": fits}
            words |= {"row": rows[0], "groups": list(stated), "expected": sorted(set(seen))}
            yield make_finding("stated-n", slug(f"{source} {locator}"), **words)


def check_stated_tests(report: Report) -> Iterator[Finding]:
    """Compare a test stated for a whole table with the test that gives each P; two-by-two tables are recomputed."""
    stated = report.table("statements", kind="test")
    for claim in stated:
        for row in report.table("tests", locator=claim["subject"], source=claim["source"]):
            if row["test"] == claim["value"]:
                continue
            counts, results, hits = _two_by_two(report, row)
            also = [other["locator"] for other in stated if other["value"] == row["test"]]
            words = {"claim": claim, "row": row, "counts": counts, "results": results, "hits": hits, "also": also}
            yield make_finding("stated-test", row["outcome"], **words, tests=_TESTS)


def check_p_of_counts(report: Report) -> Iterator[Finding]:
    """Recompute P-values of two counts by the usual tests, and name those of other tests, which are not checked."""
    left = []
    for p in report.reported.p_values:
        counts, results, hits = _two_by_two(report, p.row) if p.row else ("", {}, [])
        if results and not hits and p.relation == "=":
            yield make_finding(
                "p-of-counts", p.row["outcome"], p.row["visit"], row=p.row, counts=counts, results=results
            )
        elif not results and p.test != "rank_sum":
            left.append(p)
    if left:
        yield make_finding("not-checked", left=left)


def _two_by_two(report: Report, row: Row) -> tuple[str, dict[str, float], list[str]]:
    """Return the counts that a P compares, in words, P of the usual tests of these, and the tests that give it.

    There are none without counts of both groups, or if none or all of the participants are counted.
    """
    place = {name: row[name] for name in ("source", *QUANTITY)} | {"statistic": "count_percent"}
    groups = [report.table("summaries", **place, group=side) for side in row["contrast"].split(" - ")]
    (a, n), (b, m) = ((int(own[0]["center"]), int(own[0]["n"])) if own else (0, 0) for own in groups)
    if not all(groups) or a + b in (0, n + m):
        return "", {}, []
    table = [[a, n - a], [b, m - b]]
    first, second = (np.repeat([1.0, 0.0], counts) for counts in table)
    results = {
        "chi-squared": float(chi2_contingency(table, correction=False).pvalue),
        "chi-squared with Yates' correction": float(chi2_contingency(table).pvalue),
        "Fisher's exact test": float(fisher_exact(table).pvalue),
        "rank-sum test": get_test("normal").compare(first, second).p,
    }
    hits = [name for name, p in results.items() if parse_number(row["p"]).meets(p, p)]
    return f"{a} of {n} and {b} of {m}", results, hits


def check_percentages(report: Report) -> Iterator[Finding]:
    """Recompute reported percentages from their counts."""
    columns = ("outcome", "center", "n", "lower"), ("event", "affected", "at_risk", "percent")
    tables = report.table("summaries", statistic="count_percent"), report.table("adverse_events")
    entries = [(row, *map(row.get, names)) for names, rows in zip(columns, tables, strict=True) for row in rows]
    checked = [entry for entry in entries if all(entry[2:])]
    for row, name, count, n, percent in checked:
        reported, actual = parse_number(percent), 100 * int(count) / int(n)
        if not reported.meets(actual, actual):
            where = f"{row['source']}, {row['locator']}, {name}, {row['group']}"
            words = {"where": where, "count": count, "n": n, "value": percent, "actual": actual}
            yield make_finding("percent", slug(where), **words, decimals=reported.decimals)
    if checked:
        yield make_finding("percentages", value=len(checked))


def check_flow(report: Report) -> Iterator[Finding]:
    """Compare milestones, reasons and completers of the participant flow, and participants with a last value."""
    rows = _numbers(report, stratum="all")
    means = [(sum(int(row["n"]) for row in own) / len(own), *visit) for visit, own in _grouped(rows, "visit").items()]
    _, last = min(means, default=(0, ""))  # the visit with the fewest participants on average
    for (group,), lines in _grouped(report.table("registry_flow"), "group").items():
        reasons = [int(row["n"]) for row in lines if row["reason"]]
        own = {row["milestone"]: row for row in lines if not row["reason"]}
        milestones = ("started", "completed", "not_completed")
        started, completed, missing = (int(own[name]["n"]) if name in own else None for name in milestones)
        words = {"group": group, "completed": completed, "missing": missing, "row": lines[0]}
        if None not in (started, completed, missing) and missing != started - completed:
            yield make_finding("flow-sum", group, **words, value=started, expected=completed + missing)
        if started is not None and reasons and missing not in (None, sum(reasons)):
            yield make_finding("flow-reasons", group, **words, value=missing, expected=sum(reasons))
        at_end = _numbers(report, stratum="all", visit=last, group=group)
        if beyond := [row for row in at_end if completed and int(row["n"]) > completed]:
            each = sorted({(int(row["n"]), row["outcome"]) for row in beyond}, reverse=True)
            words |= {"visit": last, "each": each, "done": own["completed"]}
            yield make_finding("completers", group, **words, rows=beyond, value=completed, expected=each[0][0])


def check_withdrawals(report: Report) -> Iterator[Finding]:
    """Compare withdrawals reported by one source with the participants who did not complete in the other."""
    for row in report.table("registry_flow", milestone="not_completed", reason=""):
        if lines := report.table("flow", arm=row["group"]):
            gone, left = (sum(int(n["count"]) for n in lines if n["step"] == s) for s in ("withdrew", "left_treatment"))
            yield make_finding("withdrawals", row["group"], here=lines[0], row=row, value=gone, left=left)


def check_shares(report: Report) -> Iterator[Finding]:
    """Compare the number of a stratum with the fraction of the participants that it is stated to be."""
    overall = _numbers(report, "counts", group="all")
    whole = max((int(row["n"]) for row in overall if not row["marker"]), default=0)
    for claim in report.table("statements", kind="share"):
        own = [row for row in overall if (row["marker"], row["stratum"]) == (claim["subject"], claim["group"])]
        if own and whole:
            largest, even = max(own, key=lambda row: int(row["n"])), Fraction(claim["value"]) * whole
            words = {"claim": claim, "row": largest, "whole": whole, "even": float(even)}
            words["fits"] = int(largest["n"]) in (math.floor(even), math.ceil(even))
            yield make_finding("share", claim["subject"], claim["group"], **words)


def check_stated_limits(report: Report) -> Iterator[Finding]:
    """Report a criterion or number that two sources state differently."""
    for (subject,), rows in _grouped(report.table("statements", kind="limit"), "subject").items():
        if len({parse_number(row["value"]).value for row in rows}) > 1:
            yield make_finding("stated", slug(subject), rows=rows)


def check_adverse_events(report: Report) -> Iterator[Finding]:
    """Report events that two sources count differently, or that only one of them lists."""
    rows = [row | {"event": " ".join(row["event"].lower().split())} for row in report.table("adverse_events")]
    by_source = sorted(_grouped(rows, "source").items(), key=lambda item: len({row["event"] for row in item[1]}))
    if len(by_source) != 2:
        return
    ((short,), own), ((full,), others) = by_source
    some, every = defaultdict(dict), defaultdict(dict)  # event -> group -> count, if that is listed
    for source, row in [(some, row) for row in own] + [(every, row) for row in others]:
        counts, n = source[row["event"]], row["affected"]  # of an event under several headings, the largest count
        counts |= {row["group"]: max(int(n), counts.get(row["group"], 0))} if n else {}
    any_event = {row["group"]: int(row["value"]) for row in report.table("statements", kind="affected")}
    if any_event and "overall" in some:
        every["overall"] = any_event
    least = next((int(row["value"]) for row in report.table("statements", kind="listed_from")), 1)
    groups = list(dict.fromkeys(row["group"] for row in own))
    pairs = {event: _same_event(event, counts, every) for event, counts in some.items()}
    named: dict[str, list[str]] = {"agree": [], "differ": [], "only-short": [], "only-full": []}
    for event, match in pairs.items():
        for group, count in some[event].items():
            if match is None:
                named["only-short"].append(f"{event}, {group}: {count}")
            elif (other := every[match].get(group, 0)) == count:
                named["agree"].append(f"{event} ({group})" + (f" as {match}" if match != event else ""))
            else:
                named["differ"].append(f"{event}, {group}: {count} against {other}")
    for event, counts in every.items():
        shown = set().union(*(some[name] for name, match in pairs.items() if match == event))
        missing = [group for group in groups if counts.get(group, -1) >= least and group not in shown]
        named["only-full"] += [f"{event}, {group}: {counts[group]}" for group in missing]
    sums = []  # of the events of the other source that share the last word of a name
    for word in (event.split()[-1] for event, match in pairs.items() if match is None):
        parts = {event: counts for event, counts in every.items() if word in re.findall(r"\w+", event)}
        totals = [f"{sum(counts.get(group, 0) for counts in parts.values())} ({group})" for group in groups]
        sums.append((word, sorted(parts), totals))
    words = {"first": own[0], "short": short, "full": full, "least": least, "sums": sums}
    yield from (
        make_finding(f"adverse-events-{name}", **words, events=events) for name, events in named.items() if events
    )


def _same_event(event: str, counts: dict[str, int], others: dict[str, dict[str, int]]) -> str | None:
    """Return the event of the same name, or the only one that has its last word, a long one, and every listed count."""
    if event in others:
        return event
    words = {word for word in re.findall(r"\w+", event)[-1:] if len(word) > 4}
    alike = [
        other
        for other, numbers in others.items()
        if words & set(re.findall(r"\w+", other)) and all(n == numbers.get(group, 0) for group, n in counts.items())
    ]
    return alike[0] if len(alike) == 1 else None
