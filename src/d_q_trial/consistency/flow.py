"""Participant flow: who completed and who withdrew, by two sources, against the numbers with a value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from .findings import Finding, listed
from .tables import ALL_PARTICIPANTS, Row


def flow(rows: list[Row], counts: list[Row]) -> Iterator[Finding]:
    """Completers against participants with a value at the last visit; milestones and reasons against each other."""
    started, completed, missing = ({}, {}, {})
    reasons: dict[str, int] = defaultdict(int)
    for row in rows:
        target = {"started": started, "completed": completed, "not_completed": missing}.get(row["milestone"])
        if row["reason"]:
            reasons[row["group"]] += int(row["n"])
        elif target is not None:
            target[row["group"]] = (int(row["n"]), f"{row['source']}, {row['locator']}")
    for group, (n, where) in started.items():
        if group in completed and group in missing and completed[group][0] + missing[group][0] != n:
            yield Finding(
                finding=f"flow-sum-{group}",
                kind="difference",
                where=where,
                value=str(n),
                what=f"{group}: {completed[group][0]} completed and {missing[group][0]} did not, of {n} started",
                how="Sum of the milestones.",
                expected=str(completed[group][0] + missing[group][0]),
            )
        if group in reasons and group in missing and reasons[group] != missing[group][0]:
            yield Finding(
                finding=f"flow-reasons-{group}",
                kind="difference",
                where=where,
                value=str(missing[group][0]),
                what=f"{group}: {reasons[group]} reasons for {missing[group][0]} who did not complete",
                how="Sum of the reasons.",
                expected=str(reasons[group]),
            )
    last = _last_visit(counts)
    for group, (n, where) in completed.items():
        beyond = [
            row
            for row in counts
            if (row["visit"], row["group"]) == (last, group)
            and row["stratum"] in ALL_PARTICIPANTS
            and row["n"]
            and int(row["n"]) > n
        ]
        if beyond:
            numbers = sorted({(int(row["n"]), row["outcome"]) for row in beyond}, reverse=True)
            yield Finding(
                finding=f"completers-{group}",
                kind="difference",
                what=f"{group}: {n} completed, yet up to {numbers[0][0]} have a value at {last} ("
                + listed(f"{outcome} {count}" for count, outcome in numbers)
                + ")",
                where=where + "; " + listed(sorted({f"{row['source']}, {row['locator']}" for row in beyond})),
                how="Completers of the participant flow against numbers analysed at the last visit.",
                value=str(n),
                expected=str(numbers[0][0]),
                harmless_explanation="A participant who stopped treatment, or left just before the last blood "
                "draw, may have "
                "been measured and be counted as not having completed.",
            )


def _last_visit(counts: list[Row]) -> str:
    """The visit with the fewest participants of all groups together."""
    totals: dict[str, list[int]] = defaultdict(list)
    for row in counts:
        if row["n"] and row["stratum"] in ALL_PARTICIPANTS:
            totals[row["visit"]].append(int(row["n"]))
    return min(totals, key=lambda visit: (sum(totals[visit]) / len(totals[visit]), visit)) if totals else ""


def withdrawals(own: list[Row], other: list[Row]) -> Iterator[Finding]:
    """Withdrawals told by one source against those who did not complete in the other.

    Parameters
    ----------
    own : rows with ``step`` (``withdrew`` left the study, ``left_treatment`` stayed in it), ``arm`` and ``count``
    other : rows with ``milestone`` and ``group``
    """
    told: dict[str, dict[str, int]] = {step: defaultdict(int) for step in ("withdrew", "left_treatment")}
    for row in own:
        if row["step"] in told:
            told[row["step"]][row["arm"]] += int(row["count"])
    agree = []
    for row in other:
        group, n = row["group"], int(row["n"])
        if row["milestone"] != "not_completed" or row["reason"] or all(group != line["arm"] for line in own):
            continue
        withdrew, left = told["withdrew"][group], told["left_treatment"][group]
        here = next(line for line in own if line["arm"] == group)
        where = f"{here['source']}, {here['locator']}; {row['source']}, {row['locator']}"
        if withdrew == n:
            agree.append((group, n, where))
            continue
        yield Finding(
            finding=f"withdrawals-{group}",
            kind="difference",
            what=f"{group}: the {here['source']} tells of {withdrew} who left the study"
            + (f" and {left} who left treatment only" if left else "")
            + f", the {row['source']} of {n} who did not complete",
            where=where,
            how="Numbers of the two participant flows side by side.",
            value=str(withdrew),
            expected=str(n),
            harmless_explanation="The second source may count those who left treatment and stayed in follow-up."
            if withdrew + left == n
            else "The two sources may count to different dates.",
        )
    if agree:
        yield Finding(
            finding="withdrawals-agree",
            kind="agreement",
            what="Withdrawals told by both sources agree: " + listed(f"{group} {n}" for group, n, _ in agree),
            where=agree[0][2],
            how="Numbers of the two participant flows side by side.",
            value=str(len(agree)),
        )
