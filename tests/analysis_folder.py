"""The folder of an analysis as the workflow leaves it, made in one process."""

from pathlib import Path

import pipeline

from d_q_trial import claims, labels
from d_q_trial.changes import exclusions
from d_q_trial.config import settings
from d_q_trial.export.tables import write_parquet
from d_q_trial.figures import catalogue, make, study
from d_q_trial.files import write_csv
from d_q_trial.robustness.cutoffs import cutoffs_table, slices
from d_q_trial.strata import marker_values


def write(
    top: Path, config: str = "tests/config.yaml", *, figures: tuple[str, ...] = (), cutoffs: bool = False
) -> Path:
    """Write results/NAME for the reference analysis; the participants go to results/workbooks/."""
    chosen = settings.load(config)
    analysis = chosen.analyses[chosen.reference]
    run = pipeline.of_config(config)
    folder, people = top / analysis.name, top / "workbooks" / analysis.workbook_id
    run.participants.write(people)
    tables = {
        "changes": run.changes,
        "exclusions": exclusions(run.changes),
        "strata": run.strata,
        "results": run.results,
        "alternatives": run.alternatives,
    }
    if chosen.published:
        known = claims.known_differences(chosen.published, synthetic=run.participants.label is not None)
        printed = claims.read_claims(chosen.published)
        tables["claims"] = claims.judge(printed, run.results, run.alternatives, run.trial, known)
    if cutoffs:
        markers = marker_values(run.participants, run.trial, analysis)
        found = slices(run.changes, markers, run.trial, analysis, chosen.robustness)
        tables["robustness/cutoffs"] = cutoffs_table(found)
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
        if name in ("results", "claims"):
            write_parquet(table, folder / f"export/{name}.parquet", run.participants.label)
    if figures:
        shown = study.read_study(folder, people, run.trial, analysis)
        listed = catalogue.catalogue_of(chosen.figures, run.trial)
        words = labels.caption_words(run.trial, analysis)
        make.draw_figures(shown, listed, folder / "figures", words=words, only=figures)
    return folder
