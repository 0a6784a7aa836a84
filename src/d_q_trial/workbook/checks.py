"""Checks of a workbook that has been read: each is a function of the reading that reports faults of ``messages.yaml``.

An error stops every analysis until the workbook or a mapping settles it; a note tells what was read in a way that the
analyst might not expect. Nothing is changed here.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..recognition.spelling import is_known_unit, plain_unit, unit_factor
from ..recognition.vocabulary import MARKS, UNMARKED, canonical_id, id_kind, normalize
from ..spreadsheet.sheets import EMPTY, display_cell, is_number, join_first
from ..trial import BASELINE
from .mapping import Plan
from .values import CHANGES, KEEP, Source, cell_location, variable_visits

if TYPE_CHECKING:
    from .reader import Reading

FEW = 3
MANY = 10
SAMPLE = 200
MOST_NAMED = 6
MOST_GROUPS = 6  # three strata of two arms
MOST_CHANGE = 1000  # percent; the messages name it
EXPLAINED = re.compile(r"(\w{1,4})\s*[=:]\s*([^=:,;\n]{1,60})")  # such as 1 = Baseline
LAST, DIGITS = 6, 6  # rows at the end that may hold statistics, and the digits of one that hardly agree by chance
FAR = 100  # times the median of a column, or of the same variable in other columns
RARE = 0.1  # share of negative values that may be slips; a scale such as a T-score has more
SCALES = (1e-3, 1e3, 1e-6, 1e6, 1e-9, 1e9, 0.1, 10.0, 1e-2, 100.0)  # of units, the likeliest first


def _measured(reading: Reading) -> Iterator[tuple[Source, pd.DataFrame, object]]:
    """Yield each column of measured values with its outcome or marker: no changes, strata, or answers of yes or no."""
    frame = reading.frame
    for source, own in frame[frame["measure"].eq(VALUE) & frame["text"].eq("")].groupby("source", sort=False):
        if source.thing and not source.plan.unmeasured and getattr(source.thing, "kind", "") != "binary":
            yield source, own, source.thing


def check_every_arm(reading: Reading) -> None:
    """Refuse participants without an arm, except those whose arm was not understood and is reported already."""
    own, faults = reading.own[reading.own["linked"]].drop_duplicates("participant"), reading.faults
    known = {identity for plan in reading.blocks for identity in plan.rows.loc[plan.rows["unknown"], "participant"]}
    if len(own) and not known and not own["arm"].any():
        expected = " or ".join(arm.label for arm in reading.trial.analysed_arms.values())
        faults.error("no arm / nobody", own["source"].iloc[0].plan.whole(), expected=expected)
        return
    for row in own[own["arm"].eq("") & ~own["participant"].isin(known)].itertuples():
        faults.error("no arm", cell_location(row) | {"value": row.participant})


def check_every_id(reading: Reading) -> None:
    """Refuse several tables of participants of which one has no ids, or ids that may be others: their rows cannot be joined."""
    plans = [p for p in reading.blocks if p.kind == "participants" and p.cohort == TRIAL and p.data]
    label, parted = reading.vocabulary.label, set()  # sheets with ids in a block of their own
    for plan in (plan for plan in reading.plans if not plan.readable):
        roles = {label(text).role for text in itertools.chain.from_iterable(plan.header.labels)}
        parted |= {plan.sheet} if "participant" in roles else set()
    for plan in (plan for plan in plans if plan.one("participant") is None):
        if len(plans) > 1 or (plan.sheet in parted and not plan.mapped):
            reading.faults.error("no ids", plan.whole())
    plans = [p for p in reading.blocks if p.one("participant") and p.cohort == TRIAL and not p.mapped]
    beside = {p: {id_kind(c.label) for c in p.columns if c.reading.role in ("participant", "ignored")} for p in plans}
    sources = reading.own["source"].unique()
    have = {plan: {(s.variable, s.visit) for s in sources if s.plan is plan} for plan in plans}
    for first, second in itertools.combinations(plans, 2):
        whole = all(plan.one("arm") and plan.rows["arm"].nunique() > 1 for plan in (first, second))
        if whole and have[first] & have[second] and first.people.isdisjoint(second.people):
            reading.faults.error("other people", second.whole(), other=first)
        columns = [first.one("participant"), second.one("participant")]
        kinds = [id_kind(column.label) for column in columns]
        others = [beside[plan] | {"sample", "screening"} for plan in (second, first)]  # never the participants' own
        stated = any(kind and (kind in there or all(kinds)) for kind, there in zip(kinds, others, strict=True))
        numbers = any(all(canonical_id(cell).isdigit() for cell in column.distinct) for column in columns)
        if kinds[0] != kinds[1] and stated and (numbers or first.people.isdisjoint(second.people)):
            columns[0].asked = columns[1].asked = True
            reading.faults.error("id kinds", second.head_of(columns[1]), where=first.head_of(columns[0]))


def check_units(reading: Reading) -> None:
    """Refuse units, in a header or beside the values, that are not the trial's; nothing is converted."""
    for source, own, thing in _measured(reading):
        sheet, column = source.plan.sheet, source.column
        beside = dict(zip(own["unit"][::-1], own["unit_cell"][::-1], strict=True))
        stated = [(unit, {"sheet": sheet, "cell": cell, "value": unit}) for unit, cell in beside.items() if unit]
        if column.unit:
            stated.insert(0, (column.unit, source.head | {"value": column.label or column.unit}))
        for unit, place in stated if thing.unit and column.factor == 1.0 else ():  # a factor has converted it
            factor, faults, words = unit_factor(unit, thing.unit), reading.faults, {"thing": thing, "unit": unit}
            if factor is None and is_known_unit(unit) and is_known_unit(thing.unit):
                faults.error("unit / other", place, **words)
            elif factor is None:
                name = "unit / percent" if plain_unit(unit) == "percent" else "unit / unknown"
                faults.error(name, place, stops=not source.plan.mapped, **words)
            elif factor != 1.0:
                faults.error("unit / beside" if place["value"] == unit else "unit", place, factor=factor, **words)


def check_plausible(reading: Reading) -> None:
    """Ask about columns whose values, as a whole or singly, lie beyond what the trial or the other values lead to expect."""
    stated = {(fault.sheet, fault.cell) for fault in reading.faults.errors if fault.kind == "unit"}
    columns = [(*each, each[1]["value"].median(), each[1]["value"].abs().median()) for each in _measured(reading)]
    for source, own, thing, median, size in columns:
        low, high = thing.plausible or (-np.inf, np.inf)
        others = [other for alike, _, _, *other in columns if alike.variable == source.variable]
        far = [other for other, scale in others if 0 < FAR * min(size, scale) < max(size, scale)]
        if (source.head["sheet"], source.head["cell"]) in stated:
            continue
        if not low <= median <= high:
            hint = "if it is right, widen 'plausible' in the trial file"
            if scale := next((f"{scale:g}" for scale in SCALES if low <= median * scale <= high), ""):
                hint = f"{scale} times that would fit: write factor: {scale} in the mapping if the unit, not the column, is wrong"
            reading.faults.error("implausible", source.head, thing=thing, median=median, low=low, high=high, hint=hint)
        elif 2 * len(far) >= len(others) > 1 and not source.plan.mapped:
            reading.faults.error("implausible / columns", source.head, thing=thing, median=median, other=np.median(far))
        else:
            _check_odd_values(reading, source, own, thing, median, size)


def _missing_codes(values: np.ndarray, least: int) -> tuple[list[float], float]:
    """Return numbers of nines alone that are likely codes, being repeated or far off, and the largest of the others."""
    counts = Counter(values.tolist())
    nines = {value for value in counts if abs(value) >= least and set(f"{abs(value):g}") == {"9"}}
    largest = max(map(abs, {*counts} - nines), default=0.0)
    return [value for value in nines if counts[value] > 1 or abs(value) > 10 * largest], largest


def _check_odd_values(reading: Reading, source: Source, own: pd.DataFrame, thing, median: float, size: float) -> None:
    """Ask about negative values where the others are positive, values far from all others, and likely missing codes."""
    values, mapped = own["value"].to_numpy(), source.plan.mapped
    low, high = thing.plausible or (-np.inf, np.inf)
    never_negative = low >= 0 if thing.plausible else np.mean(values < 0) <= RARE
    codes, largest = _missing_codes(values, 9)
    outside = (values < low) | (values > high)
    zeros = (values == 0) & (low > 0) & (np.sum(values == 0) > 1)
    kinds = {
        "": ~(outside | (values < 0) | (values > min(FAR * size, 10 * largest))),
        "missing code": (np.isin(values, codes) | zeros) & (median > 0),
        "negative": (values < 0) & (median > 0) & never_negative,
        "far off": (np.abs(values) > FAR * size) & (size > 0),
        "outlying": outside,
    }
    span = f"{low:g} to {high:g} {source.column.unit or ''}".rstrip()
    words = {"thing": thing, "median": size, "far": FAR, "span": span, "rest": "kept" if mapped else KEEP}
    kind = np.select([*kinds.values()], [*kinds], "")
    for position in np.flatnonzero(kind != ""):
        stops = kind[position] != "outlying" and not mapped
        reading.faults.error(str(kind[position]), cell_location(own.iloc[position]), stops=stops, **words)


def check_baselines(reading: Reading) -> None:
    """Report baselines that give no percent change, follow-up values without one, and computed changes that hardly can be."""
    trial, faults, keys = reading.trial, reading.faults, ["variable", "participant"]
    raw = reading.frame[reading.frame["linked"] & (reading.frame["measure"] == VALUE)]
    raw = raw[raw["variable"].isin([key for key, outcome in trial.outcomes.items() if outcome.follow_up])]
    raw = raw.assign(label=[trial.variable_label(key) for key in raw["variable"]])
    first, later = raw[raw["visit"] == BASELINE], raw[raw["visit"] != BASELINE]
    known = later["variable"].isin(first["variable"])
    unknown, later = later[~known], later[known].join(first.set_index(keys)["value"].rename("base"), on=keys)
    apart = later[later.groupby("variable", sort=False)["base"].transform("count").eq(0)]
    impossible = later[(later["base"] > 0) & (later["value"] > later["base"] * (1 + MOST_CHANGE / 100))]
    for name, rows in (
        ("baseline / negative", first[first["value"] < 0]),
        ("baseline / zero", first[first["value"] == 0]),
        ("no baseline / variable", unknown.drop_duplicates("variable")),
        ("no baseline / samples", apart.drop_duplicates("variable")),
        ("no baseline", later[later["base"].isna()].drop_duplicates(keys)),
        ("outlying / made", impossible),
    ):
        for row in rows.itertuples():
            whole = name in ("no baseline / variable", "no baseline / samples")
            faults.error(name, row.source.head if whole else cell_location(row), row=row, stops=whole)


def check_groups(reading: Reading) -> None:
    """Report an empty arm, a missing marker, panels without ids, small strata, and markers that define none."""
    own, trial, faults = reading.own, reading.trial, reading.faults
    if own.empty:
        faults.error("no participants")
        return
    for key, arm in trial.analysed_arms.items():
        if own["arm"].any() and key not in set(own["arm"]):
            faults.error("empty arm", arm=arm)
    if trial.markers and not (own["variable"].isin(trial.markers).any() or own["stratum"].any() or own["text"].any()):
        faults.note("no marker", names=" or ".join(marker.label for marker in trial.markers.values()))
    if not own["linked"].any():
        faults.note("unlinked")
    labels = own["text"].where(own["text"].ne(""), own["stratum"])
    for (source, arm, stratum), rows in own[labels.ne("")].groupby(["source", "arm", labels], sort=False):
        if len(rows) < FEW:
            what = f"{len(rows)} value{'s' * (len(rows) > 1)} in {' '.join(filter(None, [stratum, arm]))}"
            faults.note("small stratum", source.head | {"value": ""}, group=what)
    for key, values in own[own["text"].eq("")].groupby("variable", sort=False):
        if key in trial.markers:
            label, head = trial.markers[key].label, values["source"].iloc[0].head
            if len(values) < 2 * FEW:
                faults.note("few marked", head, count=len(values), label=label)
            elif values["value"].nunique() == 1:
                faults.note("no strata", head, label=label)


def check_qualifiers(reading: Reading) -> None:
    """Ask about titles and columns by which values may not be as measured: logarithms, imputed values, repeats."""
    for plan in (plan for plan in reading.blocks if not plan.mapped):
        if plan.doubt:
            reading.faults.error("not as measured", plan.whole() | {"value": plan.doubt})
        used = [i for i in np.flatnonzero(plan.rows["use"]) if plan.holds_data(i)]
        for column in (c for c in plan.having("ignore") if c.reading.role == "qualifier" or not c.numeric):
            cells = Counter(canonical_id(plan.cell(i, column)) for i in used if column.reading.role != "ignored")
            marked = any(MARKS.search(UNMARKED.sub("", normalize(text))) or text in ("<", ">") for text in cells)
            if marked or (column.reading.role == "qualifier" and len({*map(str.casefold, cells)}) > 1):
                marks = ", ".join(f"{text or 'blank'} ({count})" for text, count in cells.most_common(MOST_NAMED))
                reading.faults.error("qualifier", plan.head_of(column), marks=marks)


def check_codebooks(reading: Reading) -> None:
    """Ask about a codebook by which a short name or a number means another visit than it was read as."""
    own = [(plan, column) for plan in reading.blocks if (column := plan.one("visit"))]
    read = {canonical_id(p.cell(i, c)): visit for p, c in own for i, visit in p.rows["visit"].dropna().items()}
    visit_of, stated = reading.vocabulary.visit, reading.policy.codes["visit"]
    for plan in (plan for plan in reading.plans if not plan.readable):
        rows = [[cell for cell in row if cell != EMPTY] for row in plan.block.values[:SAMPLE]]
        rows += [match for row in rows for cell in row if isinstance(cell, str) for match in EXPLAINED.findall(cell)]
        # More names of visits in a row are a schedule.
        pairs = [pair for row in rows if sum(map(bool, map(visit_of, row))) <= 2 for pair in itertools.pairwise(row)]
        named = ((canonical_id(code), visit_of(name)) for code, name in pairs if isinstance(name, str))
        said = {code: visit for code, visit in named if visit and len(code) < len(BASELINE)}  # codes are short
        apart = [code for code, visit in said.items() if (read.get(code) or visit_of(code) or visit) != visit]
        apart = [code for code in apart if code.casefold() not in stated]
        if len(said) > 1 and apart:
            reading.faults.error("codebook", plan.whole(), code=apart[0])


def check_changes(reading: Reading) -> None:
    """Ask about given changes that look like fractions; report implausible ones, and outcomes with values of one arm alone."""
    own, trial, faults = reading.own, reading.trial, reading.faults
    own = own[own["variable"].isin(trial.outcomes)]
    given = own[own["measure"] == PERCENT_CHANGE]
    for row in given[~given["value"].between(-100, MOST_CHANGE)].itertuples():
        faults.note(f"outlying / {'below' if row.value < 0 else 'above'}", cell_location(row))
    for source, changes in given.groupby("source", sort=False):
        rest = "kept" if source.plan.mapped else KEEP
        codes, _ = _missing_codes(changes["value"].to_numpy(), 99)
        for row in changes[changes["value"].isin(codes) & ~changes["value"].between(-98, 99)].itertuples():
            faults.error("missing code", cell_location(row), stops=rest != "kept", thing=source.thing, rest=rest)
    plans = given["source"].map(lambda source: source.plan)
    for _, changes in given.groupby([plans, "variable", "visit"], sort=False):
        source, largest, smallest = changes["source"].iloc[0], changes["value"].abs().max(), changes["value"].min()
        near_100 = smallest > 0 and 50 < changes["value"].median() < 200 and not source.of_baseline
        fractions = changes["value"].abs().quantile(0.9) < 1 and source.column.factor == 1.0
        for kind, found in (("percent of baseline", near_100), ("fraction", fractions)):
            if found and len(changes) >= MANY:
                words = {"label": source.thing.label, "largest": largest}
                faults.error(kind, source.head, stops=not source.plan.mapped, **words)
    arms = {key: arm for key, arm in trial.analysed_arms.items() if key in set(own["arm"])}
    for _, values in own.groupby(["variable", "visit", "measure"], sort=False):
        present, source = set(values["arm"]), values["source"].iloc[0]
        for arm in (arm for key, arm in arms.items() if key not in present and present != {""}):
            place = source.head | {"value": ""}
            faults.note("empty arm / variable", place, label=source.label, arm=arm)


def check_hidden(reading: Reading) -> None:
    """Report hidden sheets, rows and columns that were read, and struck-out values."""
    for sheet in reading.workbook.sheets:
        blocks = [p.block for p in reading.plans if p.readable and p.block.sheet is sheet]
        rows = {i for block in blocks for i in block.rows if reading.policy.hidden_rows == "read"} & sheet.hidden_rows
        columns = {i for block in blocks for i in block.columns} & sheet.hidden_columns
        found = {
            "sheet": [sheet.name] if sheet.hidden and blocks else [],
            "rows": [sheet.row_name(sheet.row_numbers[i]) for i in sorted(rows)],
            "columns": [sheet.column_name(sheet.column_numbers[i]) for i in sorted(columns)],
            "struck": [
                sheet.address(*cell) for cell in sorted(sheet.struck) if blocks and reading.policy.struck_out == "read"
            ],
        }
        for what, names in found.items():
            if names:
                words = {"count": len(names), "names": join_first(names, MANY)}
                reading.faults.note(f"hidden / {what}", {"sheet": sheet.name}, **words)


def check_merged_values(reading: Reading) -> None:
    """Ask about a merged cell over several rows of values: it holds one value, and the other rows none."""
    for plan in (plan for plan in reading.plans if plan.readable and plan.body):
        block, sheet = plan.block, plan.block.sheet
        first, columns = block.rows[plan.header.first_data], {block.columns[column.index] for column in plan.data}
        for top, left, bottom, right in sheet.merged:
            inside = left in columns and first <= top < block.bottom
            if bottom > top and inside and is_number(sheet.rows[top][left]):
                area = f"{sheet.address(top, left)}:{sheet.address(bottom, right)}"
                place = {"sheet": sheet.name, "cell": area, "value": sheet.rows[top][left]}
                reading.faults.error("merged value", place, stops=not plan.mapped, count=bottom - top + 1)


def check_measures(reading: Reading) -> None:
    """Ask once about blocks whose later values may be values or changes; also by a title of changes above raw baselines."""
    titled = [s for s in reading.frame["source"].unique() if s.plan.measure in CHANGES and s.column.measure == VALUE]
    changed = {(s.plan, s.variable) for s in titled if s.measure == PERCENT_CHANGE and not s.plan.mapped}
    raw = {s.plan for s in titled if s.visit == BASELINE and (s.plan, s.variable) in changed}
    plans = [plan for plan in reading.plans if plan.readable and (plan.unmeasured or plan in raw)]
    if plans:
        alike = f" (as {len(plans) - 1} more blocks)" * (len(plans) > 1)
        reading.faults.error("no measure", plans[0].whole(), alike=alike)


def check_statistics(reading: Reading) -> None:
    """Ask about a row at the end of groups without ids that holds the numbers, means, medians, SDs or SEMs of the rows above."""
    for plan in reading.blocks:
        columns = plan.data if plan.kind == "groups" and plan.readable and not plan.mapped else []
        used = np.flatnonzero(plan.rows["use"])
        values = pd.DataFrame([[plan.body[i][c.index] for c in columns] for i in used])
        values = values.where(values.map(is_number)).astype(float)
        for end in range(max(len(used) - LAST, FEW), len(used) if columns else 0):
            above = values.iloc[:end].dropna(axis="columns", how="all")
            last = values.iloc[end][above.columns].dropna()
            above, written = above[last.index], [f"{value:.10g}" for value in last]
            decimals = max((len(text.partition(".")[2]) for text in written), default=0)
            long_enough = sum(len(text.lstrip("-0.")) for text in written) >= DIGITS
            statistics = [above.mean(), above.median(), above.std(), above.sem()] if long_enough else []
            for made in [above.count()] * (len(last) > 1) + statistics:
                if np.isclose(made, last, rtol=1e-9, atol=0.51 * 10.0**-decimals).all():
                    reading.faults.error("statistics", plan.place(int(used[end]), columns[0]))


def check_columns(reading: Reading) -> None:
    """Ask about columns that may hold what is missing, or lack a group, and report other numbers that are not read."""
    own, trial = reading.own, reading.trial
    have = variable_visits(own)
    unread: dict[Plan, list[str]] = defaultdict(list)
    plans = [plan for plan in reading.plans if not plan.mapped and (plan.readable or plan.one("participant"))]
    for plan, column in [(p, column) for role in ("ignore", "data") for p in plans for column in p.having(role)]:
        asked = []
        for key in column.candidates if column.role == "ignore" and column.confidence == "unsure" else ():
            visits = [BASELINE, *getattr(trial.outcomes.get(key), "follow_up", ())]
            missing = [trial.visits[visit].label for visit in visits if (key, visit) not in have]
            if missing and (key, column.visit) not in have:
                asked.append(f"{trial.variable_label(key)}, which is missing at {', '.join(missing)}")
        if asked:
            column.asked = True
            reading.faults.error("ambiguous", plan.head_of(column), asked=", or ".join(asked), why=column.why)
        numbers = sum(is_number(row[column.index]) for row in plan.body[:SAMPLE])
        named = any(c.arm or c.stratum for c in plan.data) and plan.kind == "groups" and not plan.one("arm")
        unnamed = not (column.arm or column.stratum or plan.arm or column.why == "row number")
        if numbers > 1 and named and unnamed and (column.role == "data" or not column.label):
            reading.faults.error("no group", plan.place(0, column), count=numbers)
        if numbers > 1 and column.visit and column.why == "no variable named" and plan.readable:
            column.asked = True
            reading.faults.error("no variable", plan.head_of(column), count=numbers)
        elif numbers > 1 and column.role == "ignore" and plan.readable:
            unread[plan].append(f"{plan.block.names[column.index]} ({display_cell(column.label) or 'no header'})")
    for plan, names in unread.items():
        reading.faults.note("unread columns", plan.whole(), names=join_first(names, MOST_NAMED))


def check_unread(reading: Reading) -> None:
    """Ask about numbers on a sheet beside what is read, and about blocks that alone name variables of the trial."""
    have, sheets = variable_visits(reading.own), {plan.sheet for plan in reading.plans if plan.readable}
    found: dict[tuple[str, bool], list[tuple[Plan, int, list[str]]]] = defaultdict(list)
    for plan in (p for p in reading.plans if p.kind in ("unknown", "groups") and not (p.unread or p.mapped)):
        unknown, labels = plan.kind == "unknown", [column.label for column in plan.data]
        columns = plan.data if unknown else []
        named = {c.label or "no header": (c.variable or plan.variable, c.visit or plan.visit) for c in columns}
        texts = {text for column in plan.columns for text in column.distinct if isinstance(text, str)}
        down = {text: reading.vocabulary.label(text) for text in sorted(texts)}
        # Groups by their columns; but people may have columns of their own, with their arms below the ids.
        people = unknown or (plan.one("variable") is not None and MOST_GROUPS < len({*labels}) == len(labels))
        certain = {text: said for text, said in down.items() if said.certain and said.variable}
        named |= {text: (said.variable, said.visit) for text, said in certain.items() if said.visit or people}
        lacking = [text for text, (key, visit) in named.items() if (key, visit or BASELINE) not in have]
        numbers = sum(column.used for column in plan.columns if column.numeric)
        beside = unknown and numbers > 0 and plan.sheet in (sheets or {plan.sheet}) and plan.one("participant") is None
        if named or beside:
            found[plan.sheet, bool(lacking or beside or not unknown)].append((plan, numbers, lacking or [*named]))
    for (sheet, stops), pieces in found.items():
        plans, numbers, names = zip(*pieces, strict=True)
        said = join_first(list(itertools.chain.from_iterable(names)), MOST_NAMED)
        places = join_first([plan.block.range for plan in plans[1:]], MOST_NAMED)
        words = {"count": sum(numbers), "names": said and f" ({said})", "places": places and f" and at {places}"}
        turned = plans[0].block.sheet.turned
        words["turn"] = "" if turned else f"write transpose: [{sheet}] there if participants are in columns, "
        reading.faults.error("unread / numbers", plans[0].whole(), stops=stops, **words)


def check_inferred(reading: Reading) -> None:
    """Report what was inferred, and blocks not read although they could be."""
    for plan in reading.plans:
        for column in plan.columns if plan.readable else ():
            if column.confidence == "inferred" and column.role != "ignore":
                reading.faults.note("inferred", plan.head_of(column), why=column.why)
            if column.apart:
                words = {"used": plan.head_of(column.beside), "role": column.beside.role, "count": len(column.apart)}
                words["first"] = plan.place(column.apart[0], column)["cell"]
                reading.faults.error("columns apart", plan.head_of(column), **words)
        if plan.unread:
            reading.faults.note("unread", plan.whole(), why=plan.unread)
