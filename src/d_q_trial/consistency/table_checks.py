"""Findings on published tables against each other: numbers, medians, means, percentages, statements, flow and events."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

from scipy.stats import chi2_contingency, fisher_exact

from ..published_tables import Number, Row, number, number_or_none
from .assess import ATTAINABLE, Report, assess
from .findings import CERTAIN, STRONG, Finding, finding, listed, share, slug
from .lattice import p_value
from .reported import OVERALL, Group, same_quantity

_KINDS = {"P": "P-values", "median": "medians", "n": "numbers of participants"}
_TESTS = {"rank_sum": "the rank-sum test", "chi_squared": "the chi-squared test"}
_PARTS = ("center", "lower", "upper")
_BINARY = 1e-9  # rounding error of sums and ratios


def _source(row: Row) -> str:
    return f"{row['source']}, {row['locator']}"


def _group(row: Row) -> str:
    return "all" if row["group"] in OVERALL else row["group"]


def _numbers(report: Report) -> list[Row]:
    """Return the rows that report a number of participants."""
    return report.table("counts") + [row for row in report.table("summaries") if row["n"]]


def _meet(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Return whether two intervals share a value, apart from rounding error."""
    slack = _BINARY * max(1.0, *map(abs, (*first, *second)))
    return first[0] <= second[1] + slack and second[0] <= first[1] + slack


def sources_agree(report: Report) -> Iterator[Finding]:
    """Check that a P, a median or a number of participants is the same in every source."""
    reported: dict[tuple[str, ...], dict[str, tuple[Row, str]]] = defaultdict(dict)
    rows = [("P", row, row["p"], row["contrast"]) for row in report.table("tests") if row["p_relation"] == "="]
    for row in report.table("summaries"):
        rows += [("median", row, row["center"], row["group"])] if row["statistic"].startswith("median") else []
    rows += [("n", row, row["n"], _group(row)) for row in _numbers(report) if row["n"]]
    for kind, row, text, group in rows:
        reported[kind, *same_quantity(row), group].setdefault(row["source"], (row, text))
    agree = []
    for key, first in reported.items():
        if len(first) < 2:
            continue
        values = [number(text) for _, text in first.values()]
        meet = all(_meet((a.low, a.high), (b.low, b.high)) for a, b in itertools.combinations(values, 2))
        if len({value.value for value in values}) == 1 or (key[0] != "n" and meet):
            agree.append(key)
            continue
        side_by_side, apart = "Numbers of participants side by side.", "No value rounds to all of the reported numbers."
        words = {"quantity": f"{key[0]} of {_quantity(key[1:])}", "how": side_by_side if key[0] == "n" else apart}
        value = listed(f"{text} ({source})" for source, (_, text) in first.items())
        where = listed(_source(row) for row, _ in first.values())
        yield finding(
            "sources-differ", *(part.replace(" ", "") for part in key if part), value=value, where=where, **words
        )
    if agree:
        counts = listed(f"{n} {_KINDS[kind]}" for kind, n in Counter(key[0] for key in agree).items())
        names = listed(sorted({f"{key[1]} {key[3]}" for key in agree}))
        where = listed(dict.fromkeys(row["source"] for _, row, _, _ in rows))
        yield finding("sources-agree", counts=counts, names=names, where=where, value=len(agree))


def _quantity(key: tuple[str, ...]) -> str:
    return " ".join(part for part in key if part not in ("", "all"))


def means_equal_medians(report: Report) -> Iterator[Finding]:
    """Report means of one source that repeat, digit for digit, the medians of another."""
    medians = {
        (row["outcome"], row["visit"], row["group"]): row
        for row in report.table("summaries")
        if row["statistic"].startswith("median") and row["stratum"] in OVERALL and row["measure"] == "baseline"
    }
    pairs: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for row in report.table("registry_baseline"):
        other = medians.get((row["outcome"], row["visit"], row["group"]))
        if row["statistic"] == "mean_sd" and other and other["source"] != row["source"]:
            pairs[row["outcome"]].append((row, other))
    for outcome, found in pairs.items():
        if len(found) > 1 and all(mean["value"] == median["center"] for mean, median in found):
            chance = share(math.prod(_mean_meets_median(mean) for mean, _ in found))
            value = listed(f"{mean['group']} mean {mean['value']}" for mean, _ in found)
            mean, median = found[0]
            yield finding("means-equal-medians", outcome, mean=mean, median=median, chance=chance, value=value)


def _mean_meets_median(row: Row) -> float:
    """Return the probability that mean and median of a normal sample round to the same digits."""
    error = number(row["spread"]).value * math.sqrt((math.pi / 2 - 1) / int(row["n"]))
    return min(1.0, number(row["value"]).unit / (error * math.sqrt(2 * math.pi)))


def total_of_means(report: Report) -> Iterator[Finding]:
    """Compare means of the groups, weighted by their numbers, with the mean reported for all together."""
    by_outcome: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in report.table("registry_baseline"):
        if row["statistic"] == "mean_sd":
            by_outcome[row["source"], row["outcome"]].append(row)
    for (source, outcome), rows in by_outcome.items():
        total = [row for row in rows if row["group"] == "total"]
        parts = [(int(r["n"]), number(r["value"]), number(r["spread"])) for r in rows if r["group"] != "total"]
        n = sum(k for k, _, _ in parts)
        if len(total) != 1 or not parts or n != int(total[0]["n"]):
            continue
        reported = number(total[0]["value"])
        low, middle, high = (
            sum(k * getattr(mean, end) for k, mean, _ in parts) / n for end in ("low", "value", "high")
        )
        squares = sum((k - 1) * sd.value**2 + k * (mean.value - middle) ** 2 for k, mean, sd in parts)
        digits = reported.decimals + 1
        words = {name: f"{value:.{digits}f}" for name, value in (("low", low), ("middle", middle), ("high", high))}
        words |= {"kind": "agreement" if _meet((low, high), (reported.low, reported.high)) else "difference"}
        words |= {"expected": f"{middle:.{reported.decimals}f}", "spread": math.sqrt(squares / (n - 1))}
        yield finding("total-of-means", source, outcome, row=total[0], n=n, **words)


def decimals(report: Report) -> Iterator[Finding]:
    """Report a limit with fewer decimals than all the others of its kind."""
    groups: dict[tuple[str, ...], list[tuple[Row, str, Number]]] = defaultdict(list)
    for row in report.table("summaries"):
        for part in _PARTS if row["statistic"].startswith("median") else ():
            if row[part]:
                key = (row["source"], row["measure"], row["statistic"], row.get("unit", ""))
                groups[key].append((row, part, number(row[part])))
    for (source, measure, statistic, _), values in groups.items():
        usual, count = Counter(value.decimals for _, _, value in values).most_common(1)[0]
        if len(values) < 20 or count < 0.9 * len(values):
            continue
        for row, part, value in values:
            places = [number(row[name]).decimals for name in _PARTS if row[name]]
            alone = places.count(value.decimals) == 1 and len(places) > 1
            if value.decimals >= usual or not alone or value.value == 0:  # zero is often reported without decimals
                continue
            beyond = value.value > 2 * max(abs(v.value) for r, _, v in values if r is not row)
            second = sorted(abs(v.value) for _, _, v in values)[-2]
            words = {"numbers": len(values), "count": count, "usual": usual, "beyond": "", "in_line": ""}
            if beyond:
                words["beyond"] = f", and is {value.value / second:.0f} times the next largest"
                words["in_line"] = f"; {value.value / 10**usual:.{usual}f} would be in line"
            words |= {"statistic": statistic.replace("_", " and "), "measure": measure.replace("_", " ")}
            name = (source, row["outcome"], row["visit"], row["group"], part)
            yield finding("decimals", *name, row=row, part=part, value=value.text, **words)


def changes_below_minus_100(report: Report) -> Iterator[Finding]:
    """Report percentage changes that a quantity which cannot be negative cannot show."""
    for row in report.table("summaries"):
        for part in _PARTS if row["measure"] == "percent_change" else ():
            value = number_or_none(row[part])
            if value is not None and value.high < -100:
                name = (row["source"], row["outcome"], row["visit"], row["group"], part)
                yield finding("below-minus-100", *name, row=row, value=value.text)


def parts_and_wholes(report: Report) -> Iterator[Finding]:
    """Add up the numbers of strata and of groups, and compare with the reported whole."""
    cells: dict[tuple[str, str], dict[tuple[str, str, str], int]] = defaultdict(dict)
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in report.table("counts"):
        if row["n"]:
            key = (row["marker"], same_quantity(row)[4], _group(row))
            cells[row["outcome"], row["visit"]].setdefault(key, int(row["n"]))
            places[row["outcome"], row["visit"]].add(row["locator"])
    checked = 0
    for (outcome, visit), numbers in cells.items():
        whole = numbers.get(("", "all", "all"))
        parts: dict[str, list[int]] = defaultdict(list)
        for (marker, stratum, group), n in numbers.items():
            if stratum == "all" and group != "all":
                parts[f"groups of {outcome}"].append(n)
            elif marker and stratum != "all" and group == "all":
                parts[f"strata by {marker}"].append(n)
        for name, own in sorted(parts.items()):
            if whole is None or len(own) < 2:
                continue
            checked += 1
            if sum(own) != whole:
                words = {"outcome": outcome, "visit": visit, "parts": name, "value": whole, "expected": sum(own)}
                yield finding(
                    "sum", outcome, visit, name.split()[-1], where=listed(sorted(places[outcome, visit])), **words
                )
    if checked:
        yield finding("sums-of-participants", value=checked)


def order_of_limits(report: Report) -> Iterator[Finding]:
    """Report quartiles outside the range, or limits on the wrong side of the median, over all sources together."""
    names = {"median_iqr": ("q1", "median", "q3"), "median_range": ("minimum", "median", "maximum")}
    places: dict[tuple, dict[str, Number]] = defaultdict(dict)
    for row in report.table("summaries"):
        for part, column in zip(names.get(row["statistic"], ()), ("lower", "center", "upper"), strict=False):
            if row[column]:
                places[*same_quantity(row), row["group"]].setdefault(part, number(row[column]))
    for key, values in places.items():
        for (lower, low), (upper, high) in itertools.pairwise(Group(**values).ascending()):
            if low.low > high.high:
                name = (*(part for part in key if part), lower, upper)
                words = {"where": _quantity(key), "lower": lower, "upper": upper, "high": high.text}
                yield finding("order", *name, value=low.text, **words)


def stated_numbers(report: Report) -> Iterator[Finding]:
    """Compare a number of participants stated once for several panels with the numbers reported for each."""
    stated: dict[tuple[str, str], dict[tuple[str, str], dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in _statements(report, "n"):
        for panel in itertools.product(row["subject"].split(), row["visits"].split()):
            stated[row["source"], row["locator"]][panel][row["group"]] = int(row["value"])
    counted: dict[tuple[str, str, str], int] = {}
    for row in _numbers(report):
        if row["n"] and row["stratum"] in OVERALL:
            counted.setdefault((row["outcome"], row["visit"], row["group"]), int(row["n"]))
    for (source, locator), panels in stated.items():
        differing, fits = [], []
        for panel, groups in panels.items():
            actual = {group: counted[*panel, group] for group in groups if (*panel, group) in counted}
            if all(actual[group] == groups[group] for group in actual):
                continue
            differing.append((*panel, "/".join(map(str, actual.values()))))
            for p in report.reported.p_values:
                row = report.reported.rows[p.claim]
                same = (row["outcome"], row["visit"], row["source"]) == (*panel, source)
                if p.usable and same and row["stratum"] in OVERALL and len(actual) == 2:
                    pairs = (tuple(actual.values()), tuple(groups[group] for group in actual))
                    words = [f"{_attainable(report, p, pair)} with {pair[0]}/{pair[1]}" for pair in pairs]
                    fits.append(f"P = {p.p.text} is {' and '.join(words)}")
        if differing:
            groups = next(iter(panels.values()))
            words = {"place": f"{source}, {locator}", "groups": "/".join(groups), "fits": ""}
            words["differing"] = listed(f"{outcome} at {visit} has {n}" for outcome, visit, n in differing)
            if fits:
                words["fits"] = f" {'; '.join(fits)}."
            words |= {
                "value": "/".join(map(str, groups.values())),
                "expected": listed(sorted({n for *_, n in differing})),
            }
            yield finding("stated-n", slug(f"{source} {locator}"), **words)


def _statements(report: Report, kind: str) -> list[Row]:
    return [row for row in report.table("statements") if row["kind"] == kind]


def _attainable(report: Report, p, pair: tuple[int, int]) -> str:
    return "attainable" if assess(p, *pair, report.variant).status == ATTAINABLE else "not attainable"


def stated_tests(report: Report) -> Iterator[Finding]:
    """Compare a test stated for a whole table with the test that gives each P; two-by-two tables are recomputed."""
    stated = _statements(report, "test")
    for claim, row in itertools.product(stated, report.table("tests")):
        if (row["locator"], row["source"]) != (claim["subject"], claim["source"]) or row["test"] == claim["value"]:
            continue
        counts = [_count_of(report, row, side) for side in row["contrast"].split(" - ")]
        results = _two_by_two(*counts[0], *counts[1]) if all(counts) else {}
        reported = number(row["p"])
        hits = [name for name, p in results.items() if reported.low <= p <= reported.high]
        each = "; ".join(f"{name} {p:.3f}" for name, p in results.items())
        also = [other["locator"] for other in stated if other["value"] == row["test"]]
        words = {
            "named": _TESTS.get(claim["value"], claim["value"]),
            "found": f"that of {listed(hits)}" if hits else "of another test",
            "how": f"Recomputed from the reported counts: {each}." if each else "The row names another test.",
            "expected": f"{results['rank-sum test']:.3f} (rank-sum test)" if results else "",
            "certainty": CERTAIN if len(hits) == 1 else STRONG,
            "harmless_explanation": f"{also[0]} names the test of this row; the footnote is short." if also else "",
        }
        yield finding("stated-test", row["outcome"], claim=claim, row=row, **words)


def _count_of(report: Report, row: Row, group: str) -> tuple[int, int] | None:
    for other in report.table("summaries"):
        same = all(other[name] == row[name] for name in ("source", "outcome", "visit"))
        if same and other["statistic"] == "count_percent" and other["group"] == group:
            return int(other["center"]), int(other["n"])
    return None


def _two_by_two(a: int, n: int, b: int, m: int) -> dict[str, float]:
    """Return P of the usual tests of a of n against b of m; no test has a P if none or all have the property."""
    events, others = a + b, n + m - a - b
    if not events or not others:
        return {}
    table = [[a, n - a], [b, m - b]]
    u = a * (m - b) + (a * b + (n - a) * (m - b)) / 2
    ties = events**3 - events + others**3 - others
    return {
        "chi-squared": float(chi2_contingency(table, correction=False).pvalue),
        "chi-squared with Yates' correction": float(chi2_contingency(table).pvalue),
        "Fisher's exact test": float(fisher_exact(table).pvalue),
        "rank-sum test": float(p_value(u, n, m, "normal", ties)),
    }


def percentages(report: Report) -> Iterator[Finding]:
    """Recompute reported percentages from their counts."""
    entries = [
        (f"{_source(row)}, {row['outcome']}, {row['group']}", row["center"], row["n"], row["lower"])
        for row in report.table("summaries")
        if row["statistic"] == "count_percent"
    ] + [
        (f"{_source(row)}, {row['event']}, {row['group']}", row["affected"], row["at_risk"], row["percent"])
        for row in report.table("adverse_events")
    ]
    checked = [entry for entry in entries if all(entry)]
    for where, count, n, percent in checked:
        reported, actual = number(percent), 100 * int(count) / int(n)
        if not reported.low - _BINARY <= actual <= reported.high + _BINARY:
            words = {"actual": f"{actual:.{reported.decimals + 1}f}", "expected": f"{actual:.{reported.decimals}f}"}
            yield finding("percent", slug(where), where=where, count=count, n=n, value=percent, **words)
    if checked:
        yield finding("percentages", value=len(checked))


def shares(report: Report) -> Iterator[Finding]:
    """Compare the number of a stratum with the fraction of the participants that it is stated to be."""
    overall = [row for row in report.table("counts") if row["n"] and row["group"] in OVERALL]
    whole = max((int(row["n"]) for row in overall if not row["marker"]), default=0)
    for claim in _statements(report, "share"):
        own = [row for row in overall if (row["marker"], row["stratum"]) == (claim["subject"], claim["group"])]
        if not own or not whole:
            continue
        largest = max(own, key=lambda row: int(row["n"]))
        even = Fraction(claim["value"]) * whole
        fits = int(largest["n"]) in (math.floor(even), math.ceil(even))
        words = {"kind": "agreement" if fits else "observation", "certainty": CERTAIN if fits else STRONG}
        words |= {"whole": whole, "expected": f"{float(even):g}"}
        yield finding("share", claim["subject"], claim["group"], claim=claim, row=largest, **words)


def stated_limits(report: Report) -> Iterator[Finding]:
    """Report a criterion or number that two sources state differently."""
    by_subject: dict[str, list[Row]] = defaultdict(list)
    for row in _statements(report, "limit"):
        by_subject[row["subject"]].append(row)
    for subject, rows in by_subject.items():
        if len({number(row["value"]).value for row in rows}) > 1:
            notes = "; ".join(f"{row['source']}: {row['note']}" for row in rows if row["note"])
            each = listed(f"{row['value']} ({row['source']})" for row in rows)
            words = {"harmless_explanation": notes or "One of the two may describe an earlier version of the protocol."}
            yield finding("stated", slug(subject), rows=rows, each=each, where=listed(map(_source, rows)), **words)


def flow(report: Report) -> Iterator[Finding]:
    """Compare milestones, reasons and completers of the participant flow, and participants with a last value."""
    milestones: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    reasons: dict[str, int] = defaultdict(int)
    for row in report.table("registry_flow"):
        if row["reason"]:
            reasons[row["group"]] += int(row["n"])
        else:
            milestones[row["group"]][row["milestone"]] = (int(row["n"]), _source(row))
    last, rows = _last_visit(_numbers(report))
    for group, own in milestones.items():
        (started, where), completed, missing = (
            own.get(m, (None, "")) for m in ("started", "completed", "not_completed")
        )
        counts = {"group": group, "where": where, "completed": completed[0], "missing": missing[0]}
        if None not in (started, completed[0], missing[0]) and completed[0] + missing[0] != started:
            yield finding("flow-sum", group, **counts, value=started, expected=completed[0] + missing[0])
        if started is not None and group in reasons and missing[0] not in (None, reasons[group]):
            yield finding("flow-reasons", group, **counts, value=missing[0], expected=reasons[group])
        beyond = [row for row in rows if row["group"] == group and int(row["n"]) > (completed[0] or math.inf)]
        if beyond:
            numbers = sorted({(int(row["n"]), row["outcome"]) for row in beyond}, reverse=True)
            words = {"visit": last, "each": listed(f"{outcome} {n}" for n, outcome in numbers)}
            words["where"] = f"{completed[1]}; {listed(sorted(set(map(_source, beyond))))}"
            yield finding("completers", group, group=group, value=completed[0], expected=numbers[0][0], **words)


def _last_visit(numbers: list[Row]) -> tuple[str, list[Row]]:
    """Return the visit with the fewest participants on average, and its rows on all strata together."""
    visits: dict[str, list[Row]] = defaultdict(list)
    for row in numbers:
        if row["n"] and row["stratum"] in OVERALL:
            visits[row["visit"]].append(row)
    return min(
        visits.items(),
        key=lambda item: (sum(int(row["n"]) for row in item[1]) / len(item[1]), item[0]),
        default=("", []),
    )


def withdrawals(report: Report) -> Iterator[Finding]:
    """Compare withdrawals reported by one source with the participants who did not complete in the other."""
    own = report.table("flow")
    counted: Counter[tuple[str, str]] = Counter()
    for row in own:
        counted[row["arm"], row["step"]] += int(row["count"])
    agree = []
    for row in report.table("registry_flow"):
        here = next((line for line in own if line["arm"] == row["group"]), None)
        if row["milestone"] != "not_completed" or row["reason"] or here is None:
            continue
        group, n, where = row["group"], int(row["n"]), f"{_source(here)}; {_source(row)}"
        withdrew, left = counted[group, "withdrew"], counted[group, "left_treatment"]
        if withdrew == n:
            agree.append((f"{group} {n}", where))
            continue
        follow_up = "The second source may count those who left treatment and stayed in follow-up."
        words = {
            "harmless_explanation": follow_up
            if withdrew + left == n
            else "The two sources may count to different dates."
        }
        words |= {"left": f" and {left} who left treatment only" if left else "", "where": where}
        yield finding("withdrawals", group, here=here, row=row, value=withdrew, **words)
    if agree:
        yield finding("withdrawals-agree", each=listed(text for text, _ in agree), where=agree[0][1], value=len(agree))


def adverse_events(report: Report) -> Iterator[Finding]:
    """Report events that two sources count differently, or that only one of them lists."""
    rows = report.table("adverse_events")
    sources = list(dict.fromkeys(row["source"] for row in rows))
    if len(sources) != 2:
        return
    tables: dict[str, dict[str, dict[str, int | None]]] = {source: defaultdict(dict) for source in sources}
    for row in rows:
        counts = tables[row["source"]][_event(row["event"])]
        if row["affected"]:
            counts[row["group"]] = int(row["affected"])
        else:
            counts.setdefault(row["group"], None)  # not listed
    short, full = sorted(sources, key=lambda source: len(tables[source]))
    any_event = {row["group"]: int(row["value"]) for row in _statements(report, "affected")}
    if any_event and "overall" in tables[short]:
        tables[full]["overall"] = any_event
    least = next((int(row["value"]) for row in _statements(report, "listed_from")), 1)
    groups = list(next(iter(tables[short].values())))
    pairs = {event: _same_event(event, counts, tables[full], groups) for event, counts in tables[short].items()}
    agree, differ, alone, unlisted = [], [], [], []
    for (event, match), group in itertools.product(pairs.items(), groups):
        count, other = tables[short][event].get(group), tables[full][match].get(group) or 0 if match else None
        if count is None:
            continue
        if match is None:
            alone.append(f"{event}, {group}: {count}")
        elif count == other:
            agree.append(f"{event} ({group})")
        else:
            differ.append(f"{event}, {group}: {count} against {other}")
    for (event, counts), group in itertools.product(tables[full].items(), groups):
        same = [own for own, match in pairs.items() if match == event]
        if (counts.get(group) or 0) >= least and all(tables[short][own].get(group) is None for own in same):
            unlisted.append(f"{event}, {group}: {counts[group]}")
    first = next(row for row in rows if row["source"] == short)
    words = {"where": f"{_source(first)}; {full}, adverse events", "short": short, "full": full, "least": least}
    sums = " ".join(_sums(event, tables[full], full, groups) for event, match in pairs.items() if match is None)
    if agree:
        yield finding("adverse-events-agree", **words, value=listed(agree), count=len(agree))
    if differ:
        yield finding("adverse-events-differ", **words, value="; ".join(differ))
    for source, found in (("short", alone), ("full", unlisted)):
        if found:
            name = f"adverse-events-only-{words[source]}"
            yield finding(f"adverse-events-only-{source}", **words, finding=name, value="; ".join(found), sums=sums)


def _event(name: str) -> str:
    return " ".join(name.lower().split())


def _same_event(event: str, counts: dict, others: dict[str, dict], groups: list[str]) -> str | None:
    """Return the event of the same name, or the only one that shares a long word and agrees in every listed count."""
    if event in others:
        return event
    words = {word for word in re.findall(r"\w+", event) if len(word) > 4}
    alike = [
        other
        for other, numbers in others.items()
        if words & set(re.findall(r"\w+", other))
        and all(counts.get(group) in (None, numbers.get(group) or 0) for group in groups)
    ]
    return alike[0] if len(alike) == 1 else None


def _sums(event: str, others: dict[str, dict], full: str, groups: list[str]) -> str:
    """Add up the events of the other source that share the last word of a name."""
    word = event.split()[-1]
    parts = {name: counts for name, counts in others.items() if word in re.findall(r"\w+", name)}
    if not parts:
        return ""
    sums = listed(f"{sum(counts.get(group) or 0 for counts in parts.values())} ({group})" for group in groups)
    names = listed(sorted(parts))
    return f"Events of the {full} with the word {word!r} ({names}) sum to {sums}, counting a participant once for each."


CHECKS = (
    sources_agree,
    means_equal_medians,
    total_of_means,
    decimals,
    changes_below_minus_100,
    order_of_limits,
    parts_and_wholes,
    stated_numbers,
    stated_tests,
    percentages,
    flow,
    withdrawals,
    shares,
    stated_limits,
    adverse_events,
)
