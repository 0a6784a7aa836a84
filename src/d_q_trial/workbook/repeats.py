"""Keep one of each value that a workbook gives more than once, and report those that differ."""

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults
from .mapping import MEANINGS, BlockPlan
from .values import Source, cell_location


def resolve_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of each value that a workbook gives more than once, and report those that differ.

    These are left out: changes at baseline, panels that repeat other panels or raw values, repeated columns, and given
    changes of participants with both raw values.
    """
    for find in (_find_zero_baselines, _find_later_values, _find_panel_repeats, _find_repeats, _find_given_changes):
        frame = frame.drop([index for rows in find(frame, trial, faults) for index in rows.index])
    _check_population(frame, trial, faults)
    return frame


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
    rows, earlier_plans = frame[frame["cohort"] == TRIAL], list[BlockPlan]()
    samples = frame[frame["cohort"] == POPULATION]
    for plan, sample in samples.groupby(samples["source"].map(attrgetter("plan")), sort=False):
        people, with_ids = {*sample["participant"]}, plan.column_of("participant")
        same_ids = [identity for identity in people.intersection(rows["participant"]) if not identity.isdigit()]
        shared = rows[rows["variable"].isin(sample["variable"])]
        groups = (rows if shared.empty else shared).groupby(["variable", "visit", "measure", "marker", "stratum"])
        # If both blocks have ids, these join the same people.
        other = next((p for p in earlier_plans if not (plan.mapped or (with_ids and p.column_of("participant")))), None)
        if other:
            faults.error("population / alike", plan.location(), other=other, label=label)
        elif not plan.mapped and 2 * len(same_ids) > len(people):
            faults.error("population / participants", plan.location(), label=label)
        elif not (plan.mapped or plan.sampled or with_ids) and len(people) <= groups["participant"].nunique().max():
            faults.error("population / unnamed", plan.location(), label=label)
        earlier_plans.append(plan)
        faults.note("population", {"sheet": plan.sheet}, count=len(people), label=label)


def _find_panel(source: Source) -> tuple[BlockPlan, int]:
    """Return the panel of a column: its block, and its number among the columns that say the same; replicates share one."""
    plan, meaning = source.plan, attrgetter(*MEANINGS)
    if plan.mapped or plan.rows[["visit", "variable"]].notna().any(axis=None):  # all columns are replicates
        return plan, 0
    return plan, [c for c in plan.data if meaning(c) == meaning(source.column)].index(source.column)


def _find_panel_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Yield all panels but the first of those that show the same group, also side by side; different values are a fault."""
    unlinked = frame[~frame["linked"]]
    unlinked = unlinked.assign(panel=unlinked["source"].map({s: _find_panel(s) for s in {*unlinked["source"]}}))
    marker = unlinked["marker"].where(unlinked["stratum"] != "", "")
    keys = ["variable", "visit", "measure", "stratum", "arm", marker]
    for (_, _, _, stratum, arm, _), rows in unlinked.groupby(keys, sort=False):
        (_, first), *repeats = rows.groupby("panel", sort=False)
        head = first["source"].iloc[0].head
        for _, repeat in repeats:
            source = repeat["source"].iloc[0]
            same = sorted(first["value"]) == sorted(repeat["value"])
            panel = ", ".join(filter(None, [source.label, stratum, arm]))
            kind, where = "repeated panel" if same else "two panels", f"{head['sheet']}!{head['cell']}"
            faults.error(kind, source.head, stops=not same, panel=panel, where=where)
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
    """Yield given changes, and panels without ids, that raw values also give; report how far they agree."""
    linked, keys = frame["linked"], ["variable", "visit", "participant"]
    raw = frame[
        linked & frame["measure"].eq(VALUE) & frame["cohort"].eq(TRIAL) & frame["variable"].isin(trial.outcomes)
    ]
    arms = raw.set_index("participant")["arm"].to_dict()
    raw = raw.set_index(keys)["value"].sort_index()
    baselines = raw[raw.index.get_level_values("visit") == BASELINE].droplevel("visit")
    baselines = baselines.reindex(raw.index.droplevel("visit")).set_axis(raw.index)
    changes = (100 * (raw - baselines) / baselines)[baselines > 0]
    for source, rows in frame[~linked | frame["measure"].eq(PERCENT_CHANGE)].groupby("source", sort=False):
        computed = (changes if source.measure == PERCENT_CHANGE else raw).get((source.variable, source.visit))
        if computed is None:
            continue
        decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in rows["value"]), default=0)  # as written
        if source.plan.kind == "groups":
            group_values = computed[computed.index.map(arms).isin(rows["arm"])] if rows["arm"].any() else computed
            # Each of them agrees with one value of the panel at most.
            given, recomputed = (Counter(values.round(decimals)) for values in (rows["value"], group_values))
            group = ", ".join(sorted({*rows["stratum"], *rows["arm"]} - {""})) or "all participants"
            counts = {"count": len(rows), "matched": (given & recomputed).total()}
            faults.note("panel", source.head, label=source.label, group=group, **counts)
        else:
            rows = rows.join(computed.rename("computed"), on="participant", how="inner")
            tolerance = 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9
            agree = np.isclose(rows["value"], rows["computed"], rtol=1e-7, atol=tolerance)
            for row in rows[~agree].itertuples():
                faults.note("given change", cell_location(row), label=source.label, value=row.computed)
        yield rows
