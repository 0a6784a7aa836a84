"""Checks of what is said in words (captions, footnotes, criteria) against the tables."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from scipy.special import chdtrc

from .claims import Claim
from .findings import CERTAIN, STRONG, Finding, listed
from .lattice import p_value
from .printed import parse
from .tables import ALL_PARTICIPANTS, Row


def stated_numbers(
    statements: list[Row], counts: list[Row], claims: list[Claim], keys: dict[str, Row], variant: str
) -> Iterator[Finding]:
    """A number of participants said once for several panels, against the numbers printed for each."""
    from .assess import ATTAINABLE, assess

    said: dict[tuple[str, str], dict[tuple[str, str], dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in statements:
        if row["kind"] == "n":
            for outcome in row["subject"].split():
                for visit in row["visits"].split():
                    said[row["source"], row["locator"]][outcome, visit][row["group"]] = int(row["value"])
    printed: dict[tuple[str, str, str], Row] = {}
    for row in counts:
        if row["n"] and row["stratum"] in ALL_PARTICIPANTS:
            printed.setdefault((row["outcome"], row["visit"], row["group"]), row)
    for (source, locator), panels in said.items():
        differing, fits = [], []
        for (outcome, visit), groups in panels.items():
            actual = {g: int(printed[outcome, visit, g]["n"]) for g in groups if (outcome, visit, g) in printed}
            if not actual or all(actual[g] == groups[g] for g in actual):
                continue
            order = list(actual)
            differing.append((outcome, visit, "/".join(str(actual[g]) for g in order)))
            for claim in claims:
                row = keys[claim.claim]
                same = (row["outcome"], row["visit"], row["source"]) == (outcome, visit, source)
                if claim.usable and same and row["stratum"] in ALL_PARTICIPANTS:
                    at_stated = assess(claim, *(groups[g] for g in order), variant).status == ATTAINABLE
                    at_actual = assess(claim, *(actual[g] for g in order), variant).status == ATTAINABLE
                    fits.append(
                        f"P = {claim.p.text} is {'attainable' if at_actual else 'not attainable'} with "
                        f"{'/'.join(str(actual[g]) for g in order)} and "
                        f"{'attainable' if at_stated else 'not attainable'} with "
                        f"{'/'.join(str(groups[g]) for g in order)}"
                    )
        if differing:
            groups = next(iter(panels.values()))
            yield Finding(
                finding="stated-n-" + re.sub(r"\W+", "-", f"{source} {locator}".lower()),
                kind="difference",
                what=f"n = {'/'.join(str(n) for n in groups.values())} ({'/'.join(groups)}) is said for all panels; "
                + listed(f"{outcome} at {visit} has {n}" for outcome, visit, n in differing),
                where=f"{source}, {locator}; numbers analysed of the other source and of other captions",
                how="Stated numbers against the numbers printed for each outcome and visit."
                + (" " + "; ".join(fits) + "." if fits else ""),
                value="/".join(str(n) for n in groups.values()),
                expected=listed(sorted({n for _, _, n in differing})),
                harmless_explanation="The caption gives the participants randomized rather than those with a value.",
            )


def stated_tests(statements: list[Row], tests: list[Row], summaries: list[Row]) -> Iterator[Finding]:
    """A test named for a whole table against the test that gives each P; two-by-two tables are recomputed."""
    for said in statements:
        if said["kind"] != "test":
            continue
        for row in tests:
            if row["locator"] != said["subject"] or row["source"] != said["source"] or row["test"] == said["value"]:
                continue
            sides = row["contrast"].split(" - ")
            table = [_two_by_two(row, side, summaries) for side in sides]
            results = _two_by_two_tests(*table[0], *table[1]) if all(table) else {}
            printed = parse(row["p"])
            hits = [name for name, p in results.items() if printed.low <= p <= printed.high]
            also = [s["locator"] for s in statements if s["kind"] == "test" and s["value"] == row["test"]]
            yield Finding(
                finding=f"stated-test-{row['outcome']}",
                kind="difference",
                what=f"{said['locator']} names {_words(said['value'])} for all rows; the P of {row['outcome']} is "
                f"{'that of ' + listed(hits) if hits else 'of another test'}",
                where=f"{row['source']}, {row['locator']}, {row['outcome']}; {said['locator']}",
                how="Recomputed from the printed counts: "
                + "; ".join(f"{name} {p:.3f}" for name, p in results.items())
                + "."
                if results
                else "The row names another test.",
                value=row["p"],
                expected=listed(f"{p:.3f} ({name})" for name, p in results.items() if name.startswith("rank-sum")),
                certainty=CERTAIN if len(hits) == 1 else STRONG,
                harmless_explanation=f"{also[0]} names the test of this row; the footnote is short." if also else "",
            )


def _words(test: str) -> str:
    return {"rank_sum": "the rank-sum test", "chi_squared": "the chi-squared test"}.get(test, test)


def _two_by_two(row: Row, group: str, summaries: list[Row]) -> tuple[int, int] | None:
    for other in summaries:
        keys = ("source", "outcome", "visit")
        if other["statistic"] == "count_percent" and other["group"] == group and all(other[k] == row[k] for k in keys):
            return int(other["center"]), int(other["n"])
    return None


def _two_by_two_tests(a: int, n: int, b: int, m: int) -> dict[str, float]:
    """P of the usual tests of a of n against b of m."""
    total, events = n + m, a + b
    if not 0 < events < total:
        return {}  # nobody or all: no test has a P
    difference = abs(a * (m - b) - b * (n - a))
    scale = total / (n * m * events * (total - events))
    corrected = max(0.0, difference - total / 2)
    weights = [math.comb(n, k) * math.comb(m, events - k) for k in range(max(0, events - m), min(n, events) + 1)]
    own = math.comb(n, a) * math.comb(m, b)
    fisher = Fraction(sum(w for w in weights if w <= own), sum(weights))
    u = a * (m - b) + (a * b + (n - a) * (m - b)) / 2
    ties = events**3 - events + (total - events) ** 3 - (total - events)
    return {
        "chi-squared": float(chdtrc(1, scale * difference**2)),
        "chi-squared with Yates' correction": float(chdtrc(1, scale * corrected**2)),
        "Fisher's exact test": float(fisher),
        "rank-sum test": float(p_value(u, n, m, "normal", ties)),
    }


def percentages(summaries: list[Row], events: list[Row]) -> Iterator[Finding]:
    """Printed percentages against their counts."""
    entries = [
        (f"{row['source']}, {row['locator']}, {row['outcome']}, {row['group']}", row["center"], row["n"], row["lower"])
        for row in summaries
        if row["statistic"] == "count_percent"
    ] + [
        (f"{r['source']}, {r['locator']}, {r['event']}, {r['group']}", r["affected"], r["at_risk"], r["percent"])
        for r in events
    ]
    checked = 0
    for where, count, n, percent in entries:
        if not (count and n and percent):
            continue
        checked += 1
        printed, actual = parse(percent), 100 * int(count) / int(n)
        if not printed.low - 1e-9 <= actual <= printed.high + 1e-9:
            yield Finding(
                finding="percent-" + re.sub(r"\W+", "-", where.lower()),
                kind="difference",
                what=f"{count} of {n} is {actual:.{printed.decimals + 1}f}%, printed as {percent}%",
                where=where,
                how="Count over number.",
                value=percent,
                expected=f"{actual:.{printed.decimals}f}",
                harmless_explanation="A percentage of another number, such as that of participants with a value.",
            )
    if checked:
        yield Finding(
            finding="percentages",
            kind="agreement",
            what=f"{checked} percentages were recomputed from their counts",
            where="counts with percentages in tables, adverse events",
            how="Those that differ are findings of their own.",
            value=str(checked),
        )


def shares(statements: list[Row], counts: list[Row]) -> Iterator[Finding]:
    """A stratum said to be a fraction of the participants against its number."""
    for said in statements:
        if said["kind"] != "share":
            continue
        fraction = Fraction(said["value"])
        stratum, whole, where = None, 0, ""
        for row in counts:
            if row["marker"] == said["subject"] and row["n"] and row["group"] in ALL_PARTICIPANTS:
                n = int(row["n"])
                if row["stratum"] == said["group"] and (stratum is None or n > stratum):
                    stratum, where = n, f"{row['source']}, {row['locator']}"
        for row in counts:
            if not row["marker"] and row["n"] and row["group"] in ALL_PARTICIPANTS:
                whole = max(whole, int(row["n"]))
        if stratum is None or not whole:
            continue
        even = fraction * whole
        fits = stratum in (math.floor(even), math.ceil(even))
        yield Finding(
            finding=f"share-{said['subject']}-{said['group']}",
            kind="agreement" if fits else "observation",
            what=f"{said['group']} by {said['subject']} holds {stratum} of {whole}; {said['value']} of them are "
            f"{float(even):g}",
            where=f"{said['source']}, {said['locator']}; {where}",
            how="Largest number printed for the stratum against the stated share of all participants.",
            value=str(stratum),
            expected=f"{float(even):g}",
            certainty=CERTAIN if fits else STRONG,
            harmless_explanation=""
            if fits
            else "A tie at the cut, or a cut taken from a larger group of participants than those analysed.",
        )


def limits(statements: list[Row]) -> Iterator[Finding]:
    """The same criterion or number stated differently by two sources."""
    by_subject: dict[str, list[Row]] = defaultdict(list)
    for row in statements:
        if row["kind"] == "limit":
            by_subject[row["subject"]].append(row)
    for subject, rows in by_subject.items():
        if len({parse(row["value"]).value for row in rows}) > 1:
            notes = [f"{row['source']}: {row['note']}" for row in rows if row["note"]]
            yield Finding(
                finding="stated-" + re.sub(r"\W+", "-", subject.lower()).strip("-"),
                kind="difference",
                what=f"{subject}: " + listed(f"{row['value']} ({row['source']})" for row in rows),
                where=listed(f"{row['source']}, {row['locator']}" for row in rows),
                how="Stated values side by side.",
                value=rows[0]["value"],
                expected=rows[1]["value"],
                harmless_explanation="; ".join(notes)
                or "One of the two may describe an earlier version of the protocol.",
            )
