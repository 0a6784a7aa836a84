"""Adverse events: two lists of the same trial against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from .findings import PROBABLE, STRONG, Finding, listed
from .tables import Row


def adverse_events(events: list[Row], statements: list[Row]) -> Iterator[Finding]:
    """Events that two sources count differently, or that only one of them lists though the other should."""
    sources = list(dict.fromkeys(row["source"] for row in events))
    if len(sources) != 2:
        return
    tables: dict[str, dict[str, dict[str, int]]] = {source: defaultdict(dict) for source in sources}
    places: dict[str, str] = {}
    for row in events:
        places.setdefault(row["source"], row["locator"])
        if row["affected"]:
            tables[row["source"]][_event(row["event"])][row["group"]] = int(row["affected"])
        else:
            tables[row["source"]][_event(row["event"])].setdefault(row["group"], -1)  # not listed
    short, full = sorted(sources, key=lambda source: len(tables[source]))
    overall = _event("Overall")
    any_event = {row["group"]: int(row["value"]) for row in statements if row["kind"] == "affected"}
    if any_event and overall in tables[short]:
        tables[full][overall] = any_event
    least = next((int(row["value"]) for row in statements if row["kind"] == "listed_from"), 1)
    groups = list(next(iter(tables[short].values())))
    pairs = {event: _same_event(event, tables[short][event], tables[full], groups) for event in tables[short]}
    agree, differ, alone = [], [], []
    for event, match in pairs.items():
        for group in groups:
            count = tables[short][event].get(group, -1)
            if match is None:
                alone += [f"{event}, {group}: {count}"] if count >= 0 else []
            elif count >= 0 and count != tables[full][match].get(group, 0):
                differ.append(f"{event}, {group}: {count} against {tables[full][match].get(group, 0)}")
            elif count >= 0:
                agree.append(f"{event} ({group})")
    taken = set(filter(None, pairs.values()))
    unlisted = [
        f"{event}, {group}: {counts[group]}"
        for event, counts in tables[full].items()
        for group in groups
        if counts.get(group, 0) >= least and (event not in taken or _blank(tables[short], pairs, event, group))
    ]
    where = f"{short}, {places[short]}; {full}, adverse events"
    if agree:
        yield Finding(
            finding="adverse-events-agree",
            kind="agreement",
            what=f"Counts that agree in both sources: {len(agree)}",
            where=where,
            how="Events matched by name.",
            value=listed(agree),
        )
    if differ:
        yield Finding(
            finding="adverse-events-differ",
            kind="difference",
            what="Events counted differently: " + "; ".join(differ),
            where=where,
            how="Events matched by name.",
            value="; ".join(differ),
            certainty=STRONG,
            harmless_explanation="The two lists may group events differently.",
        )
    if alone:
        yield Finding(
            finding=f"adverse-events-only-{short}",
            kind="difference",
            what=f"Listed by the {short} under a name that the {full} does not use: " + "; ".join(alone),
            where=where,
            how="No event of that name, nor one with the same word and the same counts. "
            + " ".join(_sums(event, tables, short, full, groups) for event, match in pairs.items() if match is None),
            value="; ".join(alone),
            certainty=PROBABLE,
            harmless_explanation="One list may gather what the other splits by site.",
        )
    if unlisted:
        yield Finding(
            finding=f"adverse-events-only-{full}",
            kind="difference",
            what=f"{full} counts of {least} or more that the {short}'s table does not show: " + "; ".join(unlisted),
            where=where,
            how=f"The {short} says that it lists events of at least {least} participants in a group.",
            value="; ".join(unlisted),
            expected="none",
            certainty=PROBABLE,
            harmless_explanation="They may be gathered under another name, or be judged unrelated to the treatment.",
        )


def _event(name: str) -> str:
    return re.sub(r"\s+", " ", name.strip().lower())


def _same_event(event: str, counts: dict[str, int], others: dict[str, dict[str, int]], groups: list[str]) -> str | None:
    """An event of the same name, or the only one that shares a long word and agrees in every listed count."""
    if event in others:
        return event
    words = {word for word in re.findall(r"\w+", event) if len(word) > 4}
    alike = [
        other
        for other, numbers in others.items()
        if words & set(re.findall(r"\w+", other))
        and all(numbers.get(g, 0) == counts[g] for g in groups if counts.get(g, -1) >= 0)
    ]
    return alike[0] if len(alike) == 1 else None


def _blank(table: dict[str, dict[str, int]], pairs: dict[str, str | None], event: str, group: str) -> bool:
    return any(match == event and table[own].get(group, -1) < 0 for own, match in pairs.items())


def _sums(event: str, tables, short: str, full: str, groups: list[str]) -> str:
    """Sums of the events of the other source that share the last word of the name."""
    word = event.split()[-1]
    parts = {e: c for e, c in tables[full].items() if re.search(rf"\b{re.escape(word)}\b", e)}
    if not parts:
        return ""
    sums = {group: sum(counts.get(group, 0) for counts in parts.values()) for group in groups}
    return (
        f"Events of the {full} with the word {word!r} ({listed(sorted(parts))}) sum to "
        + listed(f"{n} ({group})" for group, n in sums.items())
        + ", counting a participant once for each."
    )
