"""Checks of printed tables against each other: numbers, medians, means, decimals, ranges.

Every check takes rows of text as read from CSV and knows only their columns. Rows that lack a column are left out.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from .findings import CERTAIN, PROBABLE, STRONG, Finding, listed, share
from .printed import Printed, maybe, overlap, parse

Row = dict[str, str]
ALL_PARTICIPANTS = ("all", "both arms", "")
_KINDS = {"P": "P-values", "median": "medians", "n": "numbers of participants"}


def same_quantity(row: Row) -> tuple[str, ...]:
    """What a row of tests, summaries or counts speaks of, whoever prints it."""
    stratum = "all" if row["stratum"] in ALL_PARTICIPANTS else row["stratum"]
    return row["outcome"], row["measure"], row["visit"], row["marker"], stratum


def _name(key: tuple[str, ...]) -> str:
    return " ".join(part for part in key if part and part not in ("all",))


def two_sources(tests: list[Row], summaries: list[Row], numbers: list[Row] = ()) -> Iterator[Finding]:
    """The same P, median or number of participants printed by two sources."""
    printed: dict[tuple, list[Row]] = defaultdict(list)
    for row in tests:
        if row["p_relation"] == "=":
            printed["P", *same_quantity(row), row["contrast"]].append(row | {"shown": row["p"]})
    for row in summaries:
        if row["statistic"].startswith("median"):
            printed["median", *same_quantity(row), row["group"]].append(row | {"shown": row["center"]})
    for row in numbers:
        group = "all" if row["group"] in ALL_PARTICIPANTS else row["group"]
        printed["n", *same_quantity(row), group].append(row | {"shown": row["n"]})
    agree, sources = [], dict.fromkeys(row["source"] for rows in printed.values() for row in rows)
    for key, rows in printed.items():
        first = {row["source"]: row for row in reversed(rows)}
        if len(first) < 2:
            continue
        values = [parse(row["shown"]) for row in first.values()]
        same = len({value.value for value in values}) == 1
        if same or (key[0] != "n" and all(overlap((a.low, a.high), (b.low, b.high)) for a in values for b in values)):
            agree.append(key)
            continue
        yield Finding(
            finding="sources-differ-" + "-".join(part for part in key if part).replace(" ", ""),
            kind="difference",
            what=f"{key[0]} of {_name(key[1:])} differs between sources",
            where=listed(f"{row['source']}, {row['locator']}" for row in first.values()),
            how="Numbers of participants side by side."
            if key[0] == "n"
            else "The values that round to each printed number have none in common.",
            value=listed(f"{row['shown']} ({source})" for source, row in first.items()),
            harmless_explanation="A misprint, or a correction that reached one of the sources only.",
        )
    if agree:
        kinds = Counter(key[0] for key in agree)
        yield Finding(
            finding="sources-agree",
            kind="agreement",
            what="Numbers printed by more than one source agree: "
            + listed(f"{n} {_KINDS[kind]}" for kind, n in kinds.items()),
            where=listed(sources),
            how="Rows with the same outcome, measure, visit, stratum and groups were compared at their printed "
            "decimals: " + listed(sorted({f"{key[1]} {key[3]}" for key in agree})) + ".",
            value=str(len(agree)),
            expected=str(len(agree)),
        )


def means_equal_medians(baseline: list[Row], summaries: list[Row]) -> Iterator[Finding]:
    """Means of one source that repeat, digit for digit, the medians of another."""
    medians = {
        (row["outcome"], row["visit"], row["group"]): row
        for row in summaries
        if row["statistic"].startswith("median") and row["stratum"] in ALL_PARTICIPANTS and row["measure"] == "baseline"
    }
    by_outcome: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for row in baseline:
        other = medians.get((row["outcome"], row["visit"], row["group"]))
        if row["statistic"] == "mean_sd" and other and other["source"] != row["source"]:
            by_outcome[row["outcome"]].append((row, other))
    for outcome, pairs in by_outcome.items():
        same = [(mean, median) for mean, median in pairs if mean["value"] == median["center"]]
        if len(same) < 2 or len(same) < len(pairs):
            continue
        chance = math.prod(_mean_meets_median(mean) for mean, _ in same)
        yield Finding(
            finding=f"means-equal-medians-{outcome}",
            kind="observation",
            what=f"{outcome}: the {same[0][0]['source']}'s means equal the {same[0][1]['source']}'s medians in "
            "every group",
            where=f"{same[0][0]['source']}, {same[0][0]['locator']}; {same[0][1]['source']}, {same[0][1]['locator']}",
            how="For a normal distribution with the printed standard deviation, mean and median of n values differ by "
            f"0.76 SD/sqrt(n) or so; all groups agreeing to the last digit has a probability of about {share(chance)}.",
            value=listed(f"{mean['group']} mean {mean['value']}" for mean, _ in same),
            expected="a mean that differs a little from the median",
            certainty=STRONG,
            harmless_explanation="A registry's form offers mean with standard deviation by default; the medians of the "
            "paper's table may have been entered in its fields.",
        )


def _mean_meets_median(row: Row) -> float:
    """Probability that mean and median of a normal sample print the same digits."""
    value, spread, n = parse(row["value"]), parse(row["spread"]), int(row["n"])
    error = spread.value * math.sqrt((math.pi / 2 - 1) / n)
    return min(1.0, value.unit / (error * math.sqrt(2 * math.pi)))


def totals_of_means(baseline: list[Row]) -> Iterator[Finding]:
    """Means of the groups, weighted by their numbers, against the mean printed for all together."""
    by_outcome: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in baseline:
        if row["statistic"] == "mean_sd":
            by_outcome[row["source"], row["outcome"]].append(row)
    for (source, outcome), rows in by_outcome.items():
        total = [row for row in rows if row["group"] == "total"]
        parts = [row for row in rows if row["group"] != "total"]
        n = sum(int(row["n"]) for row in parts)
        if len(total) != 1 or not parts or n != int(total[0]["n"]):
            continue
        printed = parse(total[0]["value"])
        values = [(int(row["n"]), parse(row["value"])) for row in parts]
        low, high = (sum(k * getattr(v, end) for k, v in values) / n for end in ("low", "high"))
        middle = sum(k * v.value for k, v in values) / n
        fits = overlap((low, high), (printed.low, printed.high))
        within = sum((k - 1) * parse(row["spread"]).value ** 2 for (k, _), row in zip(values, parts, strict=True))
        between = sum(k * (v.value - middle) ** 2 for k, v in values)
        spread = math.sqrt((within + between) / (n - 1))
        yield Finding(
            finding=f"total-of-means-{source}-{outcome}",
            kind="agreement" if fits else "difference",
            what=f"{outcome}: the means of the groups average to {middle:.{printed.decimals + 1}f}, the total "
            "is printed as "
            f"{printed.text}",
            where=f"{source}, {total[0]['locator']}",
            how=f"Sum of n times mean over {n}: with rounding between {low:.{printed.decimals + 1}f} and "
            f"{high:.{printed.decimals + 1}f}. The standard deviation of all from those of the groups is {spread:.1f}; "
            f"{total[0]['spread']} is printed.",
            value=printed.text,
            expected=f"{middle:.{printed.decimals}f}",
            harmless_explanation=""
            if fits
            else "If the entries of the groups are medians in fields for means, and the total is a true mean "
            "(or the other "
            "way round), the two need not agree.",
        )


def odd_decimals(summaries: list[Row]) -> Iterator[Finding]:
    """A limit printed with fewer decimals than all the others of its kind."""
    groups: dict[tuple[str, ...], list[tuple[Row, str, Printed]]] = defaultdict(list)
    for row in summaries:
        for part in ("center", "lower", "upper"):
            value = maybe(row[part])
            if value is not None and row["statistic"].startswith("median"):
                groups[row["source"], row["measure"], row["statistic"], row.get("unit", "")].append((row, part, value))
    for (source, measure, statistic, _), values in groups.items():
        usual, count = Counter(value.decimals for _, _, value in values).most_common(1)[0]
        odd = [entry for entry in values if entry[2].decimals < usual and _alone(entry[0], entry[2].decimals)]
        if len(values) < 20 or not odd or count < 0.9 * len(values):
            continue
        sizes = sorted(abs(value.value) for _, _, value in values)
        for row, part, value in odd:
            if value.value == 0:
                continue  # zero is often printed bare
            shifted = value.value / 10**usual
            others = [v.value for r, _, v in values if r is not row]
            beyond = value.value > 2 * max(map(abs, others))
            yield Finding(
                finding=f"decimals-{source}-{row['outcome']}-{row['visit']}-{row['group']}-{part}",
                kind="observation",
                what=f"{row['outcome']} at {row['visit']}, {row['group']}: {part} limit {value.text} has no "
                "decimal among "
                f"{len(values)} numbers of which {count} have {usual}"
                + (f", and is {value.value / sizes[-2]:.0f} times the next largest" if beyond else ""),
                where=f"{source}, {row['locator']}",
                how=f"Decimals of all {statistic.replace('_', ' and ')} numbers of {measure.replace('_', ' ')} in this "
                "source were counted.",
                value=value.text,
                expected=f"a number with {usual} decimal"
                + (f"; {shifted:.{usual}f} would be in line" if beyond else ""),
                certainty=PROBABLE,
                harmless_explanation="A decimal point lost on entry, or a true outlier typed without its "
                "decimal: a ratio "
                "to a very small first value can be this large.",
            )


def _alone(row: Row, decimals: int) -> bool:
    """Whether the other numbers of the row have more decimals."""
    others = [parse(row[part]).decimals for part in ("center", "lower", "upper") if row[part]]
    return others.count(decimals) == 1 and len(others) > 1


def impossible_changes(summaries: list[Row]) -> Iterator[Finding]:
    """Percentage changes below -100, which a quantity that cannot be negative cannot show."""
    for row in summaries:
        if row["measure"] != "percent_change":
            continue
        for part in ("center", "lower", "upper"):
            value = maybe(row[part])
            if value is not None and value.high < -100:
                yield Finding(
                    finding=f"below-minus-100-{row['source']}-{row['outcome']}-{row['visit']}-{row['group']}-{part}",
                    kind="observation",
                    what=f"{row['outcome']} at {row['visit']}, {row['group']}: a percentage change of {value.text}%",
                    where=f"{row['source']}, {row['locator']}",
                    how="100 (after - before) / before is at least -100 if neither value is negative.",
                    value=value.text,
                    expected="-100 or more",
                    harmless_explanation="A score or composite that can be negative, or a difference of scores "
                    "rather than a "
                    "percentage; the record does not define it.",
                )


def parts_and_wholes(counts: list[Row]) -> Iterator[Finding]:
    """Numbers of strata and of groups against the printed whole."""
    numbers: dict[tuple[str, str], dict[tuple[str, str, str], int]] = defaultdict(dict)
    for row in counts:
        if row["n"].isdecimal():
            group = "all" if row["group"] in ALL_PARTICIPANTS else row["group"]
            numbers[row["outcome"], row["visit"]].setdefault(
                (row["marker"], same_quantity(row)[4], group), int(row["n"])
            )
    checked = 0
    for (outcome, visit), cells in numbers.items():
        whole = cells.get(("", "all", "all"))
        if whole is None:
            continue
        groups = {f"groups of {outcome}": [n for (_, s, g), n in cells.items() if s == "all" and g != "all"]}
        for marker in sorted({m for m, _, _ in cells if m}):
            groups[f"strata by {marker}"] = [
                n for (m, s, g), n in cells.items() if m == marker and s != "all" and g == "all"
            ]
        for name, parts in groups.items():
            if len(parts) < 2:
                continue
            checked += 1
            if sum(parts) != whole:
                yield Finding(
                    finding=f"sum-{outcome}-{visit}-{name.split()[-1]}",
                    kind="difference",
                    what=f"{outcome} at {visit}: the {name} add up to {sum(parts)}, the whole is printed as {whole}",
                    where=listed(
                        sorted({r["locator"] for r in counts if (r["outcome"], r["visit"]) == (outcome, visit)})
                    ),
                    how="Sum of the printed numbers of participants.",
                    value=str(whole),
                    expected=str(sum(parts)),
                    certainty=CERTAIN,
                    harmless_explanation="A participant whose stratum is not known, or a misprint.",
                )
    if checked:
        yield Finding(
            finding="sums-of-participants",
            kind="agreement",
            what=f"Numbers of participants were added up over groups and over strata at {checked} places",
            where="the captions of the figures and the numbers analysed in the registry",
            how="Sums that differ from the whole are findings of their own; those that agree are counted here.",
            value=str(checked),
        )


def order_of_limits(summaries: list[Row]) -> Iterator[Finding]:
    """Quartiles outside the range, or limits on the wrong side of the median, over all sources together."""
    places: dict[tuple, dict[str, Printed]] = defaultdict(dict)
    for row in summaries:
        parts = {"median_iqr": ("q1", "median", "q3"), "median_range": ("minimum", "median", "maximum")}
        if row["statistic"] in parts:
            for part, column in zip(parts[row["statistic"]], ("lower", "center", "upper"), strict=True):
                value = maybe(row[column])
                if value is not None:
                    places[*same_quantity(row), row["group"]].setdefault(part, value)
    for key, values in places.items():
        ordered = [(part, values[part]) for part in ("minimum", "q1", "median", "q3", "maximum") if part in values]
        for (lower, low), (upper, high) in itertools.pairwise(ordered):
            if low.low > high.high:
                yield Finding(
                    finding=f"order-{'-'.join(part for part in key if part)}-{lower}-{upper}",
                    kind="difference",
                    what=f"{_name(key)}: {lower} {low.text} lies above {upper} {high.text}",
                    where=_name(key),
                    how="Minimum, quartiles, median and maximum must ascend.",
                    value=low.text,
                    expected=f"at most {high.text}",
                    harmless_explanation="A misprint, or quartiles and range of different participants.",
                )
