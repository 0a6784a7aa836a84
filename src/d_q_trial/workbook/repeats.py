"""Keep one of each value that a workbook gives more than once, and report those that differ."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults
from .mapping import MEANINGS, BlockPlan, Column
from .values import Source, cell_location


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
