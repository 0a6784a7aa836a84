"""Compare analyses: which conclusions hold, which change, and how far the estimates move."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from . import labels
from .claims import FAILURES, OTHER_CONVENTION, REPRODUCED, WITHIN_BOUND
from .config.settings import Analysis, Settings
from .formatting import format_p_digits
from .published_tables import parse_number, split_relation
from .results_table import ALL_PARTICIPANTS
from .stats.checks import is_significant
from .stats.two_sample import get_test
from .trial import Trial

KEYS = ["outcome", "visit", "place"]
# `place`: all, or a stratum of the marker of the analysis: highest, lowest, 2 of 3. The shifts are differences from the
# reference in the same place; the shift of the estimate is empty where the reference has another measure.
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
    """Name each stratum by its rank, so that analyses with different labels or numbers of strata can be compared."""
    names = {label: f"{rank} of {len(strata)}" for rank, label in enumerate(strata, start=1)}
    return names | {strata[0]: "lowest", strata[-1]: "highest"}


def compare_tests(results: Mapping[str, pd.DataFrame], settings: Settings, trial: Trial) -> pd.DataFrame:
    """Compare every comparison of the arms' changes between analyses; ``results`` has their results by name.

    A row per analysis, outcome, visit and place with the columns of ``COMPARISON_COLUMNS``. Strata are those of the marker
    of each analysis, matched by rank. ``conclusion`` is ``lost`` or ``gained`` where P is on the other side of alpha than
    in the reference, ``reversed`` where both are significant in opposite directions, ``undefined`` where the reference is
    significant and P is not defined, ``not made`` (in a row of its own) where only the reference has the comparison, and
    ``added`` or, if it is not significant, empty where only the analysis has it. Each analysis is judged at its own alpha.
    """
    tests = pd.concat([_select_tests(results[name], entry, trial) for name, entry in settings.analyses.items()])
    reference = tests[tests["analysis"].eq(settings.reference)].drop(columns="analysis")
    expected = pd.DataFrame({"analysis": list(settings.analyses)}).merge(reference, how="cross")
    frame = tests.merge(expected, on=["analysis", *KEYS], how="outer", suffixes=("", "_reference"), indicator="source")
    significant, was_significant = frame["significant"].eq("yes"), frame["significant_reference"].eq("yes")
    opposite = frame["direction"] * frame["direction_reference"] < 0
    conclusions = {
        NOT_MADE: frame["source"].eq("right_only"),
        ADDED: frame["source"].eq("left_only") & significant,
        "": frame["source"].eq("left_only"),
        REFERENCE: frame["analysis"].eq(settings.reference),
        REVERSED: significant & was_significant & opposite,
        UNDEFINED: was_significant & frame["p"].isna(),
        LOST: was_significant & ~significant,
        GAINED: significant & ~was_significant,
    }
    frame["conclusion"] = np.select(list(conclusions.values()), list(conclusions), STAYS)
    frame["reference_p"] = frame["p_reference"]
    frame["effect_shift"] = frame["mann_whitney_effect"] - frame["mann_whitney_effect_reference"]
    estimate_shift = frame["hodges_lehmann"] - frame["hodges_lehmann_reference"]
    frame["hodges_lehmann_shift"] = estimate_shift.where(frame["measure"].eq(frame["measure_reference"]))
    frame = frame.fillna(dict.fromkeys(["measure", "marker", "stratum", "significant"], ""))
    places = [ALL_PARTICIPANTS, "highest", "lowest"]
    places += sorted(set(frame["place"]) - set(places))
    order = {"outcome": list(trial.outcomes), "visit": list(trial.visits), "place": places}
    order["analysis"] = list(settings.analyses)
    frame = frame.sort_values(list(order), key=lambda column: column.map(order[column.name].index), ignore_index=True)
    return frame[list(COMPARISON_COLUMNS)].astype({"n_first": "Int64", "n_second": "Int64"})


def _select_changes(rows: pd.DataFrame, analysis: Analysis, trial: Trial) -> pd.DataFrame:
    """Return the rows on changes, of all participants or strata of the marker of the analysis, with their place."""
    places = {ALL_PARTICIPANTS: ALL_PARTICIPANTS, **rank_strata(analysis.strata.labels)}
    has_conventions = rows["measure"].eq(analysis.measure) & rows["marker"].isin(["", analysis.marker])
    selected = rows[rows["contrast"].eq(trial.contrast) & has_conventions]
    return selected.assign(place=selected["stratum"].map(places))


def _select_tests(results: pd.DataFrame, analysis: Analysis, trial: Trial) -> pd.DataFrame:
    """Return the comparisons of changes of one analysis, a row each and a column per statistic, judged at its alpha."""
    rows = _select_changes(results[results["statistic"].isin(_STATISTICS)], analysis, trial).dropna(subset="place")
    keys = [*KEYS, "measure", "marker", "stratum", "n_first", "n_second"]
    tests = rows.pivot(index=keys, columns="statistic", values="value").reindex(columns=_STATISTICS).reset_index()
    significant = np.where(is_significant(tests["p"], analysis.alpha), "yes", "no")
    # What the test compares: means or ranks.
    compares_means = get_test(analysis.test).mean_difference is not None
    direction = tests["mean_difference"] if compares_means else tests["mann_whitney_effect"] - 0.5
    return tests.assign(analysis=analysis.name, significant=significant, direction=direction)


def compare_claims(
    verdicts: Mapping[str, pd.DataFrame], comparisons: pd.DataFrame, settings: Settings, trial: Trial
) -> pd.DataFrame:
    """Compare each reported P-value of a comparison of changes with its P in every analysis.

    A row per claim and analysis with the columns of ``CLAIM_COLUMNS``. The claim's stratum is matched by rank, so a
    claim about the reference's highest stratum is compared with the highest stratum of each analysis. ``conclusion`` is
    ``stays`` if P is on the reported side of the analysis's alpha, ``lost`` or ``gained`` if not, empty where a reported
    bound leaves the side open, ``not made`` without a P. ``verdict`` is that of the analysis on the reported digits, empty
    where P is for strata of another marker. Empty if nothing is published.
    """
    if settings.reference not in verdicts:
        return pd.DataFrame(columns=list(CLAIM_COLUMNS))
    reference, claims = settings.analyses[settings.reference], verdicts[settings.reference]
    columns = ["claim", "locator", *KEYS, "reported", "marker"]
    claims = _select_changes(claims[claims["statistic"].eq("p")], reference, trial)[columns]
    verdict_rows = pd.concat([table[["claim", "verdict"]].assign(analysis=name) for name, table in verdicts.items()])
    frame = claims.merge(pd.DataFrame({"analysis": list(settings.analyses)}), how="cross")
    frame = frame.merge(comparisons[["analysis", *KEYS, "p"]], how="left").merge(verdict_rows, how="left")
    markers = frame["analysis"].map({name: entry.marker for name, entry in settings.analyses.items()})
    frame["verdict"] = frame["verdict"].where(frame["marker"].eq("") | frame["marker"].eq(markers), "")
    frame["conclusion"] = [
        judge_side_of_alpha(row.reported, row.p, reference.alpha, settings.analyses[row.analysis].alpha)
        for row in frame.itertuples(index=False)
    ]
    return frame.fillna({"verdict": ""})[list(CLAIM_COLUMNS)]


def format_reference_p(row: Mapping[str, Any]) -> str:
    """Return the P of the reference as text; ``not made`` if the reference does not have the comparison."""
    return NOT_MADE if row["conclusion"] == ADDED else format_p_digits(row["reference_p"])


def judge_side_of_alpha(reported: str, p: float, reported_alpha: float, alpha: float) -> str:
    """Return whether P is on the reported side of alpha; empty where a bound leaves it open, as ``< 0.05`` does for 0.01."""
    if math.isnan(p):
        return NOT_MADE
    relation, digits = split_relation(reported)
    limit = parse_number(digits).value
    was_significant = not relation.startswith(">") and bool(is_significant(limit, reported_alpha))
    if (relation.startswith("<") and not was_significant) or (relation.startswith(">") and limit < reported_alpha):
        return ""
    if is_significant(p, alpha) == was_significant:
        return STAYS
    return LOST if was_significant else GAINED


def summarize(
    comparisons: pd.DataFrame,
    claims: pd.DataFrame,
    verdicts: Mapping[str, pd.DataFrame],
    settings: Settings,
    trial: Trial,
) -> pd.DataFrame:
    """Count, for each analysis, what differs from the reference."""
    reference = settings.analyses[settings.reference]
    rows = []
    for name, analysis in settings.analyses.items():
        tests = comparisons[comparisons["analysis"].eq(name)]
        shifts = tests["effect_shift"].abs()
        claim_conclusions = claims.loc[claims["analysis"].eq(name), "conclusion"]
        verdict = verdicts[name]["verdict"] if name in verdicts else pd.Series(dtype=object)
        rows.append(
            {
                "analysis": name,
                "differs_in": "; ".join(describe_differences(analysis, reference, trial)),
                "comparisons": int(tests["p"].notna().sum()),
                "significant": int(tests["significant"].eq("yes").sum()),
                **{kind.replace(" ", "_"): int(tests["conclusion"].eq(kind).sum()) for kind in (*CHANGED, NOT_MADE)},
                "largest_effect_shift": shifts.max(),
                "median_effect_shift": shifts.median(),
                "claims_kept": int(claim_conclusions.eq(STAYS).sum()),
                "claims_changed": int(claim_conclusions.isin([LOST, GAINED]).sum()),
                "values_reproduced": int(verdict.isin(_REPRODUCED).sum()),
                "values_not_reproduced": int(verdict.isin(FAILURES).sum()),
            }
        )
    return pd.DataFrame(rows)


def describe_differences(analysis: Analysis, reference: Analysis, trial: Trial) -> list[str]:
    """Describe each setting that differs from the reference."""

    def name_selection(selection: Any, entries: Mapping[str, Any], noun: str) -> str:
        if selection == "all":
            return f"all {noun}"
        return f"only {labels.join_words([entries[key].label for key in selection])}"

    outliers = {"keep": "outliers kept", "trim": "outliers trimmed", "winsorise": "outliers winsorized"}
    limit = "" if analysis.outliers.rule == "keep" else f" beyond {labels.describe_ranges(analysis.outliers.limit)}"
    marker, rule = trial.markers[analysis.marker], analysis.strata
    at_cut = "" if rule.at_cut == reference.strata.at_cut else f", values equal to a cutoff in the {rule.at_cut} one"
    descriptions = {
        "workbook": f"workbook {analysis.workbook}",
        "mapping": f"workbook read by {analysis.mapping}" if analysis.mapping else "no mapping of the workbook",
        "marker": f"subgroups by {labels.uncapitalize(marker.label)}",
        "strata": f"subgroups {labels.join_words(rule.labels)}, {labels.describe_cuts(rule, marker.unit)}{at_cut}",
        "change": f"change as {labels.CHANGES[analysis.measure]}",
        "test": f"test: {get_test(analysis.test).sentence}",
        "quartile_type": f"quartiles of type {analysis.quartile_type}",
        "alpha": f"significance level {analysis.alpha:g}",
        "outcomes": name_selection(analysis.outcomes, trial.outcomes, "outcomes"),
        "visits": name_selection(analysis.visits, trial.visits, "visits"),
        "exclude": f"without {labels.join_words(analysis.exclude)}" if analysis.exclude else "no participant excluded",
        "outliers": f"{outliers[analysis.outliers.rule]}{limit}",
    }
    return [text for key, text in descriptions.items() if getattr(analysis, key) != getattr(reference, key)]


def rows_to_draw(comparisons: pd.DataFrame, trial: Trial, *, large_family: int = 10) -> tuple[list[tuple], int]:
    """Select the comparisons (outcome, visit, place) that the figure shows, and count those that it leaves out.

    It shows families of at most ``large_family`` outcomes completely; of larger ones, what changes in some analysis.
    """
    family = comparisons["outcome"].map({key: outcome.family for key, outcome in trial.outcomes.items()})
    in_small_family = comparisons.groupby(family)["outcome"].transform("nunique").le(large_family)
    is_shown = in_small_family | comparisons["conclusion"].isin(CHANGED)
    shown = comparisons.assign(is_shown=is_shown).groupby(KEYS, sort=False)["is_shown"].any()
    return shown.index[shown].tolist(), int((~shown).sum())
