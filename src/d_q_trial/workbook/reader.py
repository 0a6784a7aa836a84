"""Read the participants of a workbook: recognise its blocks or follow a mapping, join the values, report all faults."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import sha256
from ..participants import COLUMNS, PERCENT_CHANGE, POPULATION, TRIAL, VALUE, Participants
from ..recognition.vocabulary import Vocabulary, differ_by_one_edit, match_ids, parse_id_code
from ..spreadsheet.loader import load_workbook
from ..spreadsheet.sheets import EMPTY, Workbook
from ..trial import BASELINE, Trial
from . import checks
from .classify import propose_plans, read_labels
from .mapping import CODE_SECTIONS, MEANINGS, BlockPlan, Column, Mapping, load_mapping
from .reading import Faults, WorkbookReading
from .values import BlockReader, Source, build_frame, cell_location

# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")
# What follows the id in S02 repeat, S02 (rerun), S02*, S02b and S02-2.
_MARK = re.compile(r"(?<=\w)[\s\-_.]*(?:\(?re\w+\)?|[*†]|(?<=\d)[a-z]|-\d)$")
SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


def read_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Participants:
    """Read the participants of a workbook that :func:`loader.load_workbook` reads, whatever its layout.

    If a mapping file lists blocks, they are read as it says, without recognition. ``label`` is set if the workbook says
    that it is synthetic; ``source`` has the notes. A UserError lists every fault: sheet, cell, value and what was expected.
    """
    reading = examine_workbook(path, trial, mapping)
    reading.faults.stop(path)
    workbook = reading.workbook
    source = {
        "name": workbook.path.name,
        "sha256": sha256(workbook.path),
        "modified": workbook.modified,
        "sheets": [sheet.name for sheet in workbook.sheets],
        "notes": [*workbook.remarks, *reading.faults.lines(stops=False)],
        "counts": dict(reading.counts),
    }
    frame = reading.frame[[*COLUMNS]].reset_index(drop=True).infer_objects()
    return Participants(frame, synthetic_label(workbook), source)


def examine_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> WorkbookReading:
    """Read as much of a workbook as possible and collect all faults, without stopping at one."""
    workbook = load_workbook(path)
    policy = load_mapping(mapping, workbook, trial) if mapping else Mapping()
    vocabulary = Vocabulary(trial, policy.codes)
    plans = [plan for entry in (policy.blocks or {}).values() for plan in entry.plans]
    for column, labels in [(column, plan.header.labels[column.index]) for plan in plans for column in plan.columns]:
        column.reading = read_labels(labels, vocabulary)
        column.unit = column.unit or column.reading.unit
    if policy.blocks is None:
        plans = propose_plans(workbook, vocabulary)
    reading = WorkbookReading(workbook, trial, plans, policy, vocabulary)
    for name in sorted({sheet.name for sheet in workbook.sheets if sheet.turned} - {plan.sheet for plan in plans}):
        reading.faults.error("turned", {"sheet": name})
    _read_values(reading)
    for name, check in vars(checks).items():  # in the order of their definition
        if name.startswith("check_"):
            check(reading)
    return reading


def _read_values(reading: WorkbookReading) -> None:
    """Read the values of all readable blocks and join them by participant."""
    readers = [BlockReader(plan, reading) for plan in reading.plans if plan.readable]
    unify_ids(reading.read_plans, reading.faults)
    reading.arms = assign_arms(reading.read_plans, reading.faults)
    parts = []
    for reader in readers:
        if one_value_per_group(reader.plan):
            reader.plan.unread_reason = "one value per group: a summary, not participants"
        else:
            parts += reader.read()
    frame, strata = build_frame(parts), reading.policy.codes["stratum"]
    frame["stratum"] = [strata.get(label.casefold(), label) for label in frame["stratum"]]
    reading.frame = resolve_repeats(frame, reading.trial, reading.faults)
    with_arm = reading.trial_rows[reading.trial_rows["linked"] & reading.trial_rows["arm"].ne("")]
    reading.arms |= dict(zip(with_arm["participant"], with_arm["arm"], strict=True))


def synthetic_label(workbook: Workbook) -> str | None:
    """Return the label of synthetic data if the properties or the first sheet of the workbook say that it is synthetic."""
    first_rows = workbook.sheets[0].rows[:60] if workbook.sheets else []
    texts = [workbook.properties, *(cell for row in first_rows for cell in row[:30] if isinstance(cell, str))]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None


def unify_ids(plans: list[BlockPlan], faults: Faults) -> None:
    """Write each id in one form in all blocks, where only its form differs; report ids that may be of the same participant."""
    for plan in plans:
        _drop_row_numbers(plan)
    _rewrite_ids([plan for plan in plans if plan.participant_ids], faults)
    with_ids = [plan for plan in plans if plan.column_of("participant") and plan.participant_ids]
    for plan in (plan for plan in with_ids if plan.kind == "participants"):
        _report_repeated_ids(plan, faults)
    trial_plans = [plan for plan in with_ids if plan.cohort != POPULATION]
    spellings: dict[str, str] = {}
    for plan in trial_plans:
        ids_elsewhere = set().union(*(other.participant_ids for other in trial_plans if other is not plan))
        mostly_shared = 2 * len(plan.participant_ids & ids_elsewhere) >= len(plan.participant_ids)
        for position, identity in plan.rows["participant"].dropna().drop_duplicates().items():
            form = parse_id_code(latin := identity.translate(_LOOK_ALIKES))
            key = f"{form.prefix}{form.number}" if form else latin.casefold().replace(" ", "")
            place = plan.locate(position, plan.column_of("participant"), identity)
            if (first := spellings.setdefault(key, identity)) != identity:  # such as DQ-006 and dq-06
                faults.error("id written otherwise", place, other=first)
            elif (whole := _MARK.sub("", identity)) in plan.participant_ids - {identity}:
                faults.error("id with a mark", place, other=whole)
            elif mostly_shared and identity not in ids_elsewhere:  # a typing error, or two participants
                others = ids_elsewhere - plan.participant_ids
                similar = [other for other in others if differ_by_one_edit(identity, other)]
                if len(similar) == 1:
                    faults.error("id on one sheet only", place, other=similar[0])


def _drop_row_numbers(plan: BlockPlan) -> None:
    """Treat ids as row numbers if a row has values in columns of several arms."""
    columns = [column for column in plan.data if column.arm]
    arms_by_row = ({column.arm for column in columns if row[column.index] != EMPTY} for row in plan.body)
    if plan.participant_ids and any(len(arms) > 1 for arms in arms_by_row):
        plan.kind = "groups"
        plan.evidence = plan.evidence if plan.mapped else "groups side by side; the ids are row numbers"
        plan.rows["participant"] = None


def _report_repeated_ids(plan: BlockPlan, faults: Faults) -> None:
    """Report ids with several rows where one is expected, or the block if most ids have several; use the first row only."""
    column, ids = plan.column_of("participant"), plan.rows.loc[plan.rows["use"], "participant"].dropna()
    repeated = ids[ids.duplicated()]
    plan.rows.loc[repeated.index, "use"] = False
    if 2 * ids.duplicated(keep=False).sum() > len(ids):
        plan.kind = "long"
        faults.error("several rows", plan.header_of(column), rows=len(ids), people=ids.nunique())
        return
    for position, identity in repeated.items():
        first_cell = plan.locate(ids[ids.eq(identity)].index[0], column)["cell"]
        faults.error("duplicate participant", plan.locate(position, column, identity), other=first_cell)


def _rewrite_ids(plans: list[BlockPlan], faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the block with most arms, and of these with most ids."""
    if len(plans) < 2:
        return
    base = max(plans, key=lambda p: (p.rows["arm"].nunique() if p.cohort != POPULATION else -1, len(p.participant_ids)))
    base_ids = base.participant_ids
    for plan in plans:
        population = plan.cohort == POPULATION
        if plan is not base and plan.participant_ids - base_ids and not (plan.sampled and population):
            renamed = match_ids(plan.participant_ids, base_ids, few_suffice=population)
            if changed := [(old, new) for old, new in sorted(renamed.items()) if old != new]:
                plan.rows["participant"] = plan.rows["participant"].replace(renamed)
                old, new = changed[0]
                faults.note("id form", {"sheet": plan.sheet, "value": old}, base=base, new=new, count=len(renamed))
            base_ids |= set() if population else plan.participant_ids


def assign_arms(plans: list[BlockPlan], faults: Faults) -> dict[str, str]:
    """Give each row with an id the arm that any sheet states for its participant; return the arms by participant.

    A population sample of which at least half are the trial's participants becomes part of the trial, unless a title or a
    mapping calls it the population sample.
    """
    arms, places = dict[str, str](), {}
    for plan in plans:
        rows, arm_column = plan.rows[plan.rows["use"]].dropna(subset="participant"), plan.column_of("arm")
        # In groups, or next to a column of arms, headers and titles do not give the arm of a participant.
        labelled = plan.kind != "groups" and arm_column is None
        arm_headers = [column for column in plan.data if column.arm and labelled]
        title = Column(0, arm=plan.arm if labelled else None)
        for position, identity, arm in zip(rows.index, rows["participant"], rows["arm"], strict=True):
            label = next((column for column in arm_headers if plan.cell(position, column) != EMPTY), title)
            if arm := arm or label.arm:
                place = plan.locate(position, arm_column or label, arm)
                first, where = arms.setdefault(identity, arm), places.setdefault(identity, place)
                if first != arm:
                    faults.error("arm changed", place, identity=identity, first=first, where=where)
    ignored = {identity for plan in plans for identity in plan.rows.loc[plan.rows["arm"].eq("ignore"), "participant"]}
    for plan in plans:
        plan.rows["use"] &= ~plan.rows["participant"].isin(ignored - arms.keys() - {None})
        shared = len(plan.participant_ids & arms.keys())
        if plan.cohort == POPULATION and not plan.sampled and shared and 2 * shared >= len(plan.participant_ids):
            plan.cohort = TRIAL
        if plan.cohort == TRIAL:
            stated, participant_arms = plan.rows["arm"], plan.rows["participant"].map(arms)
            plan.rows["arm"] = stated.where(stated.notna() | participant_arms.isna(), participant_arms)
    return arms


def one_value_per_group(plan: BlockPlan) -> bool:
    """Return whether a block without ids holds one value per group: summaries such as medians, not participants."""
    in_rows = plan.rows[plan.rows["use"]].value_counts([*CODE_SECTIONS], dropna=False)
    in_columns = Counter((c.variable, c.visit, c.arm, c.stratum, c.measure) for c in plan.data)
    return plan.kind == "groups" and {*in_rows, *in_columns.values()} == {1}


# -- values that are given more than once --------------------------------------------------------------------------


def resolve_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of each value that a workbook gives more than once, and report those that differ.

    These are left out: changes at baseline, panels that repeat other panels or raw values, repeated columns, and given
    changes of participants with both raw values.
    """
    _check_population(frame, trial, faults)
    for find in (_find_zero_baselines, _find_later_values, _find_panel_repeats, _find_repeats, _find_given_changes):
        frame = frame.drop([index for rows in find(frame, trial, faults) for index in rows.index])
    strata = frame.groupby("source", sort=False)["stratum"].transform(any).astype(bool)
    return frame.assign(marker=frame["marker"].where(frame["linked"] | strata, ""))


def _find_zero_baselines(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield the rows of columns that give the change at baseline, which is zero by definition."""
    for source, rows in frame[frame["visit"].eq(BASELINE) & frame["text"].eq("")].groupby("source", sort=False):
        measures = (source.plan.measure, source.column.measure)
        no_change = [v for measure, v in ((PERCENT_CHANGE, 0), ("percent_of_baseline", 100)) if measure in measures]
        if no_change and rows["value"].eq(no_change[0] if source.measure == VALUE else 0).all():
            faults.note("zero baseline", source.head)
            yield rows


def _find_later_values(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield later values of variables that are measured once; ask if a column of them has no values at baseline."""
    measured_once = frame[~frame["variable"].isin([key for key, o in trial.outcomes.items() if o.follow_up])]
    at_baseline = measured_once["visit"] == BASELINE
    later = _join_first(measured_once[~at_baseline], measured_once[at_baseline], ["cohort", "variable", "participant"])
    for (column, _), rows in later.groupby([later["source"].map(attrgetter("column")), "variable"], sort=False):
        source, changed = rows["source"].iloc[0], rows[~rows["same"]]
        label = source.definition.label if source.definition else source.variable
        if rows["text_first"].isna().all():
            faults.error("only later", source.head, stops=column.visit is None, label=label)
        elif len(changed):
            count = changed["participant"].nunique()
            faults.note("later value", cell_location(changed.iloc[0]), label=label, count=count)
        yield rows


def _join_first(rows: pd.DataFrame, candidates: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Join to each row the first candidate with the same keys (suffix ``_first``) and whether the two agree (``same``)."""
    first = candidates.drop_duplicates(keys)[[*keys, "value", "text", "cell", "source"]]
    joined = rows.merge(first, on=keys, how="left", suffixes=("", "_first")).set_index(rows.index)
    same_text = joined["text"].ne("") & joined["text"].eq(joined["text_first"])
    return joined.assign(same=joined["value"].eq(joined["value_first"]) | same_text)


def _check_population(frame: pd.DataFrame, trial: Trial, faults: Faults) -> None:
    """Ask about population samples that may be another block's sample, or the trial's participants."""
    label = trial.population.label if trial.population else "sample"
    pivot = partial(pd.pivot_table, index="participant", columns="variable", values="value", aggfunc="last")
    participants = pivot(frame[frame["cohort"].eq(TRIAL) & frame["linked"] & frame["visit"].eq(BASELINE)])
    sampled, earlier_plans = frame[frame["cohort"] == POPULATION], list[BlockPlan]()
    size = frame[frame["cohort"] == TRIAL].value_counts(["variable", "visit", "measure", "marker"]).max()
    for plan, rows in sampled.groupby(sampled["source"].map(attrgetter("plan")), sort=False):
        sample = pivot(rows)
        markers = [key for key in trial.markers if key in sample and key in participants and not plan.sampled]
        matched = sample.reset_index().merge(participants, on=markers)["participant"] if markers else sample.index[:0]
        same_ids = sum(not identity.isdigit() for identity in sample.index.intersection(participants.index))
        ids = plan.column_of("participant")  # if both blocks have ids, these join the same participants
        other = next((p for p in earlier_plans if not (plan.mapped or (ids and p.column_of("participant")))), None)
        if other:
            faults.error("population / alike", plan.location(), other=other, label=label)
        elif not plan.mapped and 2 * max(matched.nunique(), same_ids) > len(sample):
            faults.error("population / participants", plan.location(), label=label)
        elif not (plan.mapped or plan.sampled or markers or ids) and len(sample) <= size:
            faults.error("population / unnamed", plan.location(), label=label)
        earlier_plans.append(plan)
        faults.note("population", {"sheet": plan.sheet}, count=len(sample), label=label)


def _find_panel(source: Source) -> tuple[BlockPlan, int]:
    """Return the panel of a column: its block, and its number among the columns that say the same; replicates share one."""
    plan, labels = source.plan, [column.label for column in source.plan.data]
    if plan.rows[["visit", "variable"]].notna().any(axis=None):  # all columns are replicates
        return plan, 0
    # So are adjacent columns with one label, if every label has as many columns.
    replicated = len({*Counter(labels).values()}) == 1 and len([*groupby(labels)]) == len({*labels})
    panel_key, inherited = attrgetter("label" if replicated else "index"), MEANINGS[:-1]  # all but the measure

    def meaning(column: Column) -> list[str | None]:
        return [column.measure, *(getattr(column, name) or getattr(plan, name) for name in inherited)]

    same_meaning = [column for column in plan.data if meaning(column) == meaning(source.column)]
    return plan, [*dict.fromkeys(map(panel_key, same_meaning))].index(panel_key(source.column))


def _find_panel_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield repeated panels of a group; different values are a fault, or replicates if a block of a mapping lists both."""
    unlinked = frame[~frame["linked"]]
    unlinked = unlinked.assign(panel=unlinked["source"].map({s: _find_panel(s) for s in {*unlinked["source"]}}))
    marker = unlinked["marker"].where(unlinked["stratum"] != "", "")
    keys = ["variable", "visit", "measure", "stratum", "arm", marker]
    for (_, _, _, stratum, arm, _), rows in unlinked.groupby(keys, sort=False):
        (_, first), *repeats = rows.groupby("panel", sort=False)
        head, plan = first["source"].iloc[0].head, first["source"].iloc[0].plan
        for _, repeat in repeats:
            source, where = repeat["source"].iloc[0], f"{head['sheet']}!{head['cell']}"
            same = sorted(first["value"]) == sorted(repeat["value"])
            kind = "repeated panel" if same else "replicates" if source.plan is plan and plan.mapped else "two panels"
            panel = ", ".join(filter(None, [source.label, stratum, arm]))
            faults.error(kind, source.head, stops=kind == "two panels", panel=panel, where=where)
            if kind != "replicates":
                yield repeat


def _find_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield all values but the first of a participant for one variable, visit and measure; different values are a fault."""
    keys = ["cohort", "variable", "visit", "measure", "participant"]
    linked = frame[frame["linked"]]
    repeats = _join_first(linked[linked.duplicated(keys)], linked, keys)
    different, same = repeats[~repeats["same"]], repeats[repeats["same"]]
    for (source, first_source), rows in different.groupby(["source", "source_first"], sort=False):
        for row in rows.itertuples():
            where = f"{first_source.plan.sheet}!{row.cell_first}"
            template_values = {"label": source.label, "row": row, "where": where}
            if first_source is not source:
                faults.error("two columns", source.head, other=first_source.head, count=len(rows), **template_values)
                break
            first_value = row.text_first or f"{row.value_first:.10g}"
            faults.error("second value", cell_location(row), first_value=first_value, **template_values)
    for source, rows in same.groupby("source", sort=False):
        # A long table may repeat on each row what is measured once, but not what is measured at each visit.
        by_visit = bool(getattr(source.definition, "follow_up", ()))
        if count := rows.loc[rows["source_first"].ne(source) | by_visit, "participant"].nunique():
            faults.note("repeated", source.head, label=source.label, count=count)
    repeating = {*same.loc[same["source"].ne(same["source_first"]), "source"]}
    for source, rows in linked[~linked.duplicated(keys, keep=False)].groupby("source", sort=False):
        if source in repeating:
            faults.note("only here", source.head, count=len(rows), label=source.label)
    yield repeats


def _find_given_changes(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield given changes that raw values give, and panels without ids that participants give; report how far they agree."""
    linked, keys = frame["linked"], ["variable", "visit", "participant"]
    by_key = frame[linked & frame["cohort"].eq(TRIAL) & frame["text"].eq("")].set_index(keys).sort_index()
    arms = frame[linked].set_index("participant")["arm"].to_dict()
    raw, given = (by_key.loc[by_key["measure"].eq(measure), "value"] for measure in (VALUE, PERCENT_CHANGE))
    baselines = raw[raw.index.get_level_values("visit") == BASELINE].droplevel("visit")
    baselines = baselines.reindex(raw.index.droplevel("visit")).set_axis(raw.index)
    changes = (100 * (raw - baselines) / baselines)[baselines > 0]
    all_changes = changes.combine_first(given)
    for source, rows in frame[~linked | frame["measure"].eq(PERCENT_CHANGE)].groupby("source", sort=False):
        known = raw if source.measure == VALUE else changes if rows["linked"].iloc[0] else all_changes
        computed = known.get((source.variable, source.visit))
        if computed is None or source.variable not in trial.outcomes:
            continue
        # Half a unit of the last decimal that the values were written with.
        decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in rows["value"]), default=0)
        tolerance = 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9
        if rows["linked"].iloc[0]:
            rows = rows[rows["participant"].isin(computed.index)]
            _compare_changes(rows, computed[rows["participant"]].to_numpy(), tolerance, source.label, faults)
        else:
            group_values = computed[computed.index.map(arms).isin(rows["arm"])] if rows["arm"].any() else computed
            unmatched = group_values.to_numpy()  # each of them is matched with one value of the panel at most
            for value in rows["value"]:
                matches = np.flatnonzero(np.isclose(unmatched, value, rtol=1e-7, atol=tolerance))
                unmatched = np.delete(unmatched, matches[:1])
            group = ", ".join(sorted({*rows["stratum"], *rows["arm"]} - {""})) or "all participants"
            counts = {"count": len(rows), "matched": len(group_values) - len(unmatched)}
            faults.note("panel", source.head, label=source.label, group=group, **counts)
        yield rows


def _compare_changes(rows: pd.DataFrame, computed: np.ndarray, tolerance: float, label: str, faults: Faults) -> None:
    """Report given changes that differ from those computed from raw values, and a constant factor between them."""
    given = rows["value"].to_numpy()
    different = np.abs(given - computed) > np.maximum(tolerance, 1e-7 * np.abs(computed))
    for row, value in zip(rows[different].itertuples(), computed[different], strict=True):
        faults.note("given change", cell_location(row), label=label, value=value)
    ratios = given[computed != 0] / computed[computed != 0]
    if different.all() and len(ratios) and np.allclose(ratios, ratios[0], rtol=1e-3):
        place = rows["source"].iloc[0].head | {"value": ""}
        faults.note("given change / factor", place, label=label, factor=float(f"{ratios[0]:.3g}"))
