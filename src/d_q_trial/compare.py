"""Compare analyses: which conclusions hold, which change, and how far the estimates move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import labels
from .claims import FAILURES, OTHER_CONVENTION, REPRODUCED, WITHIN_BOUND
from .formatting import format_p_digits
from .published_tables import parse_number, split_relation
from .results_table import ALL_PARTICIPANTS
from .stats.checks import is_significant
from .stats.two_sample import get_test

if TYPE_CHECKING:
    import pandas as pd

    from .config.settings import Analysis, Settings
    from .trial import Trial

KEYS = ["outcome", "visit", "place"]
# `place`: all, or which stratum of the analysis's own marker: highest, lowest, 2 of 3. The shifts are against the
# reference, in the same place; that of the estimate only where the reference has the same measure.
COMPARISON_COLUMNS = (
    *("analysis", *KEYS, "measure", "marker", "stratum", "n_first", "n_second"),
    *("p", "significant", "reference_p", "conclusion", "mann_whitney_effect", "effect_shift"),
    *("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "hodges_lehmann_shift"),
    *("mean_difference", "mean_difference_lower", "mean_difference_upper"),
)
CLAIM_COLUMNS = ("claim", "locator", *KEYS, "reported", "analysis", "p", "conclusion", "verdict")
STAYS, LOST, GAINED, REVERSED, NOT_MADE, REFERENCE = "stays", "lost", "gained", "reversed", "not made", "reference"
UNDEFINED, ADDED = "undefined", "added"
CHANGED = {
    LOST: "no longer significant",
    GAINED: "significant here only",
    REVERSED: "significant in the other direction",
    UNDEFINED: "no longer computable",
    ADDED: "significant, where the reference has no comparison",
}
_ESTIMATES = [f"{name}{end}" for name in ("hodges_lehmann", "mean_difference") for end in ("", "_lower", "_upper")]
_STATISTICS = ["p", "mann_whitney_effect", *_ESTIMATES]
_REPRODUCED = (REPRODUCED, WITHIN_BOUND, OTHER_CONVENTION)


def rank_strata(strata: list[str]) -> dict[str, str]:
    """Name each stratum by its rank, so that analyses with other labels or numbers of strata can be compared."""
    names = {label: f"{rank} of {len(strata)}" for rank, label in enumerate(strata, start=1)}
    return names | {strata[0]: "lowest", strata[-1]: "highest"}


def compare_tests(results: Mapping[str, pd.DataFrame], settings: Settings, trial: Trial) -> pd.DataFrame:
    """Compare every comparison of the arms' changes between analyses, of which ``results`` has the tables by name.

    A row per analysis, outcome, visit and place with the columns of ``COMPARISON_COLUMNS``. Strata are those of the
    analysis's own marker, matched by rank. ``conclusion`` is ``lost`` or ``gained`` where P lies across alpha from the
    reference, ``reversed`` where both are significant in opposite directions, ``undefined`` where the reference is
    significant and P is not defined, ``not made`` (in a row of its own) where only the reference has the comparison, and
    ``added`` or, if it is not significant, empty where only the analysis has it. Each analysis is judged at its own alpha.
    """
    import numpy as np
    import pandas as pd

    tests = pd.concat([_tests(results[name], entry, trial) for name, entry in settings.analyses.items()])
    reference = tests[tests["analysis"].eq(settings.reference)].drop(columns="analysis")
    expected = pd.DataFrame({"analysis": list(settings.analyses)}).merge(reference, how="cross")
    frame = tests.merge(expected, on=["analysis", *KEYS], how="outer", suffixes=("", "_there"), indicator="found")
    now, was = frame["significant"].eq("yes"), frame["significant_there"].eq("yes")
    opposite = frame["direction"] * frame["direction_there"] < 0
    conclusions = {
        NOT_MADE: frame["found"].eq("right_only"),
        ADDED: frame["found"].eq("left_only") & now,
        "": frame["found"].eq("left_only"),
        REFERENCE: frame["analysis"].eq(settings.reference),
        REVERSED: now & was & opposite,
        UNDEFINED: was & frame["p"].isna(),
        LOST: was & ~now,
        GAINED: now & ~was,
    }
    frame["conclusion"] = np.select(list(conclusions.values()), list(conclusions), STAYS)
    frame["reference_p"] = frame["p_there"]
    frame["effect_shift"] = frame["mann_whitney_effect"] - frame["mann_whitney_effect_there"]
    moved = frame["hodges_lehmann"] - frame["hodges_lehmann_there"]
    frame["hodges_lehmann_shift"] = moved.where(frame["measure"].eq(frame["measure_there"]))
    text = ["measure", "marker", "stratum", "significant"]
    frame[text] = frame[text].fillna("")
    order = {"outcome": list(trial.outcomes), "visit": list(trial.visits), "analysis": list(settings.analyses)}
    frame["rank"] = frame["place"].map({ALL_PARTICIPANTS: 0, "highest": 1, "lowest": 2}).fillna(3)
    frame = frame.sort_values(
        ["outcome", "visit", "rank", "place", "analysis"],
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
        ignore_index=True,
    )
    return frame[list(COMPARISON_COLUMNS)].astype({"n_first": "Int64", "n_second": "Int64"})


def _placed(rows: pd.DataFrame, analysis: Analysis, trial: Trial) -> pd.DataFrame:
    """Return the rows on changes, of all participants or strata of the analysis's own marker, with their place."""
    own = rows["measure"].eq(analysis.measure) & rows["marker"].isin(["", analysis.marker])
    ranks = {ALL_PARTICIPANTS: ALL_PARTICIPANTS, **rank_strata(analysis.strata.labels)}
    return rows[rows["contrast"].eq(trial.contrast) & own].assign(place=lambda frame: frame["stratum"].map(ranks))


def _tests(results: pd.DataFrame, analysis: Analysis, trial: Trial) -> pd.DataFrame:
    """Return the comparisons of changes of one analysis, a row each and a column per statistic, judged at its alpha."""
    import numpy as np

    chosen = _placed(results[results["statistic"].isin(_STATISTICS)], analysis, trial).dropna(subset="place")
    keys = [*KEYS, "measure", "marker", "stratum", "n_first", "n_second"]
    tests = chosen.pivot(index=keys, columns="statistic", values="value").reindex(columns=_STATISTICS).reset_index()
    significant = np.where(is_significant(tests["p"], analysis.alpha), "yes", "no")
    of_means = get_test(analysis.test).mean_difference is not None
    direction = tests["mean_difference"] if of_means else tests["mann_whitney_effect"] - 0.5  # what the test compares
    return tests.assign(analysis=analysis.name, significant=significant, direction=direction)


def compare_claims(
    verdicts: Mapping[str, pd.DataFrame], comparisons: pd.DataFrame, settings: Settings, trial: Trial
) -> pd.DataFrame:
    """Compare each reported P-value of a comparison of changes with its P in every analysis.

    A row per claim and analysis with the columns of ``CLAIM_COLUMNS``. The claim's stratum is matched by rank, so a
    claim about the reference's highest stratum is compared with the highest stratum of each analysis. ``conclusion`` is
    ``stays`` if P lies on the reported side of the analysis's alpha, ``lost`` or ``gained`` if not, empty where a reported
    bound does not tell, ``not made`` without a P. ``verdict`` is the analysis's own on the reported digits, empty where P is
    that of strata of another marker. Empty if nothing is published.
    """
    import pandas as pd

    if settings.reference not in verdicts:
        return pd.DataFrame(columns=list(CLAIM_COLUMNS))
    base = settings.analyses[settings.reference]
    reported = verdicts[settings.reference]
    columns = ["claim", "locator", *KEYS, "reported", "marker"]
    reported = _placed(reported[reported["statistic"].eq("p")], base, trial)[columns]
    own = pd.concat([frame[["claim", "verdict"]].assign(analysis=name) for name, frame in verdicts.items()])
    frame = reported.merge(pd.DataFrame({"analysis": list(settings.analyses)}), how="cross")
    frame = frame.merge(comparisons[["analysis", *KEYS, "p"]], how="left").merge(own, how="left")
    markers = frame["analysis"].map({name: entry.marker for name, entry in settings.analyses.items()})
    frame["verdict"] = frame["verdict"].where(frame["marker"].eq("") | frame["marker"].eq(markers), "")
    frame["conclusion"] = [
        side_of_alpha(row.reported, row.p, base.alpha, settings.analyses[row.analysis].alpha)
        for row in frame.itertuples(index=False)
    ]
    return frame.fillna({"verdict": ""})[list(CLAIM_COLUMNS)]


def reference_p(row: Mapping[str, Any]) -> str:
    """Return the P of the reference as text, or that it has none."""
    return NOT_MADE if row["conclusion"] == ADDED else format_p_digits(row["reference_p"])


def side_of_alpha(reported: str, p: float, reported_alpha: float, alpha: float) -> str:
    """Say whether P lies on the reported side of alpha; empty where a bound leaves it open, as ``< 0.05`` does of 0.01."""
    if math.isnan(p):
        return NOT_MADE
    relation, digits = split_relation(reported)
    limit = parse_number(digits).value
    was = not relation.startswith(">") and bool(is_significant(limit, reported_alpha))
    if (relation.startswith("<") and not was) or (relation.startswith(">") and limit < reported_alpha):
        return ""
    now = is_significant(p, alpha)
    return STAYS if was == now else LOST if was else GAINED


def summarize(
    comparisons: pd.DataFrame,
    claims: pd.DataFrame,
    verdicts: Mapping[str, pd.DataFrame],
    settings: Settings,
    trial: Trial,
) -> pd.DataFrame:
    """Count, for each analysis, what differs from the reference."""
    import pandas as pd

    base = settings.analyses[settings.reference]
    rows = []
    for name, analysis in settings.analyses.items():
        own = comparisons[comparisons["analysis"].eq(name)]
        shifts = own["effect_shift"].abs()
        held = claims.loc[claims["analysis"].eq(name), "conclusion"]
        verdict = verdicts[name]["verdict"] if name in verdicts else pd.Series(dtype=object)
        rows.append(
            {
                "analysis": name,
                "differs_in": "; ".join(describe_differences(analysis, base, trial)),
                "comparisons": int(own["p"].notna().sum()),
                "significant": int(own["significant"].eq("yes").sum()),
                **{kind.replace(" ", "_"): int(own["conclusion"].eq(kind).sum()) for kind in (*CHANGED, NOT_MADE)},
                "largest_effect_shift": shifts.max(),
                "median_effect_shift": shifts.median(),
                "claims_kept": int(held.eq(STAYS).sum()),
                "claims_changed": int(held.isin([LOST, GAINED]).sum()),
                "values_reproduced": int(verdict.isin(_REPRODUCED).sum()),
                "values_not_reproduced": int(verdict.isin(FAILURES).sum()),
            }
        )
    return pd.DataFrame(rows)


def describe_differences(analysis: Analysis, reference: Analysis, trial: Trial) -> list[str]:
    """List in words the settings that differ from the reference."""

    def names(chosen: Any, known: Mapping[str, Any], what: str) -> str:
        return f"all {what}" if chosen == "all" else f"only {labels.join_words([known[key].label for key in chosen])}"

    outliers = {"keep": "outliers kept", "trim": "outliers trimmed", "winsorise": "outliers winsorized"}
    limit = "" if analysis.outliers.rule == "keep" else f" beyond {labels.describe_ranges(analysis.outliers.limit)}"
    marker, rule = trial.markers[analysis.marker], analysis.strata
    at_cut = "" if rule.at_cut == reference.strata.at_cut else f", values equal to a cutoff in the {rule.at_cut} one"
    words = {
        "workbook": f"workbook {analysis.workbook}",
        "mapping": f"workbook read by {analysis.mapping}" if analysis.mapping else "no mapping of the workbook",
        "marker": f"subgroups by {labels.uncapitalize(marker.label)}",
        "strata": f"subgroups {labels.join_words(rule.labels)}, {labels.describe_cuts(rule, marker.unit)}{at_cut}",
        "change": f"change as {labels.CHANGES[analysis.measure]}",
        "test": f"test: {get_test(analysis.test).sentence}",
        "quartile_type": f"quartiles of type {analysis.quartile_type}",
        "alpha": f"significance level {analysis.alpha:g}",
        "outcomes": names(analysis.outcomes, trial.outcomes, "outcomes"),
        "visits": names(analysis.visits, trial.visits, "visits"),
        "exclude": f"without {labels.join_words(analysis.exclude)}" if analysis.exclude else "no participant excluded",
        "outliers": f"{outliers[analysis.outliers.rule]}{limit}",
    }
    return [text for key, text in words.items() if getattr(analysis, key) != getattr(reference, key)]


def rows_to_draw(comparisons: pd.DataFrame, trial: Trial, *, large_family: int = 10) -> tuple[list[tuple], int]:
    """Choose which comparisons (outcome, visit, place) the picture shows, and count those that it leaves out.

    All of families with at most ``large_family`` outcomes; of larger ones those that change in some analysis.
    """
    family = comparisons["outcome"].map({key: outcome.family for key, outcome in trial.outcomes.items()})
    small = comparisons.groupby(family)["outcome"].transform("nunique").le(large_family)
    shown = comparisons.assign(shown=small | comparisons["conclusion"].isin(CHANGED))
    chosen = shown.groupby(KEYS, sort=False)["shown"].any()
    return [key for key, keep in chosen.items() if keep], int((~chosen).sum())
