"""The folder of an analysis as the workflow leaves it, made in one process."""

from pathlib import Path

import pandas as pd
import pipeline

from d_q_trial import claims, published, settings, wording
from d_q_trial.changes import exclusions
from d_q_trial.figures import catalogue, make, study
from d_q_trial.files import write_csv
from d_q_trial.report.cutoffs import COLUMNS, SIDES
from d_q_trial.stats.rank_sum import rank_sum
from d_q_trial.stats.shift import hodges_lehmann

FEWEST = 6


def write(top: Path, config: str = "config.yaml", *, figures: tuple[str, ...] = (), cutoffs: bool = False) -> Path:
    """Write results/NAME for the reference analysis; the participants go to results/workbook."""
    chosen = settings.load(config)
    analysis = chosen.analyses[chosen.reference]
    run = pipeline.of_config(config)
    folder, people = top / analysis.name, top / "workbook"
    run.participants.write(people)
    tables = {
        "changes": run.changes,
        "exclusions": exclusions(run.changes),
        "strata": run.strata,
        "results": run.results,
        "alternatives": run.alternatives,
    }
    if chosen.published:
        known = published.known_differences(chosen.published, synthetic=run.participants.label is not None)
        printed = published.read_claims(chosen.published)
        tables["claims"] = claims.judge(printed, run.results, run.alternatives, run.trial, known)
    if cutoffs:
        tables["robustness/cutoffs"] = every_cut(run, analysis)
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    if figures:
        labels = analysis.strata.labels
        shown = study.read_study(folder, people, run.trial, marker=analysis.marker, strata_labels=labels)
        listed = catalogue.catalogue_of(chosen.figures, run.trial)
        words = wording.caption_words(run.trial, analysis)
        make.draw_figures(shown, listed, folder / "figures", words=words, only=figures)
    return folder


def every_cut(run: pipeline.Run, analysis: settings.Analysis) -> pd.DataFrame:
    """Effects above and below every cut, for the first outcomes, by the functions that have tests of their own."""
    treated, control = run.trial.analysed_arms
    rows = []
    for marker, assigned in run.strata.groupby("marker", sort=False):
        values = assigned.set_index("participant")["marker_value"]
        for outcome in [key for key, o in run.trial.outcomes.items() if o.follow_up][:2]:
            changes = run.changes[run.changes["outcome"].eq(outcome) & run.changes["measure"].eq(analysis.measure)]
            for visit, group in changes.dropna(subset="value").groupby("visit", sort=False):
                own = group["participant"].map(values)
                for cut in [*sorted(own.dropna().unique())[::6], _own_cut(assigned)]:
                    for side, chosen in zip(SIDES, (own < cut, own >= cut), strict=True):
                        first, second = (group["value"][chosen & group["arm"].eq(arm)] for arm in (treated, control))
                        if min(len(first), len(second)) < FEWEST:
                            continue
                        shift = hodges_lehmann(first, second, method=analysis.test, confidence=0.95)
                        p = rank_sum(first, second, method=analysis.test).p
                        rows.append(
                            (
                                outcome,
                                analysis.measure,
                                visit,
                                marker,
                                cut,
                                side,
                                len(first),
                                len(second),
                                first.median(),
                                second.median(),
                                shift.estimate,
                                shift.lower,
                                shift.upper,
                                p,
                            )
                        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(["outcome", "visit", "marker", "cut", "side"])


def _own_cut(assigned: pd.DataFrame) -> float:
    """The lowest value of the highest stratum: a cut there parts the participants as the analysis does."""
    highest = assigned.loc[assigned["marker_value"].idxmax(), "stratum"]
    return assigned.loc[assigned["stratum"].eq(highest), "marker_value"].min()
