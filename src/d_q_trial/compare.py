"""Compare analyses: which conclusions hold, which change, and how far the estimates move."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from . import labels
from .claims import FAILURES, OTHER_CONVENTION, REPRODUCED, WITHIN_BOUND
from .config.settings import Analysis, Settings
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
CLAIM_COLUMNS = ("claim", "locator", *KEYS, "reported", "analysis", "p", "conclusion")
STAYS, LOST, GAINED, REVERSED, NOT_MADE, REFERENCE = "stays", "lost", "gained", "reversed", "not made", "reference"
CHANGED = {LOST: "no longer significant", GAINED: "newly significant", REVERSED: "significant in the other direction"}
_ESTIMATES = [f"{name}{end}" for name in ("hodges_lehmann", "mean_difference") for end in ("", "_lower", "_upper")]
_STATISTICS = ["p", "mann_whitney_effect", *_ESTIMATES]


def rank_strata(strata: list[str]) -> dict[str, str]:
    """Name each stratum by its rank, so that analyses with different labels or numbers of strata can be compared."""
    names = {label: f"{rank} of {len(strata)}" for rank, label in enumerate(strata, start=1)}
    return names | {strata[0]: "lowest", strata[-1]: "highest"}


def compare_tests(results: Mapping[str, pd.DataFrame], settings: Settings, trial: Trial) -> pd.DataFrame:
    """Compare every comparison of the arms' changes between analyses; ``results`` has their results by name.

    A row per analysis, outcome, visit and place with the columns of ``COMPARISON_COLUMNS``. Strata are those of the marker
    of each analysis, matched by rank. ``conclusion`` is ``lost`` or ``gained`` where P is on the other side of alpha than
    in the reference, or not defined in one of them, ``reversed`` where both are significant in opposite directions,
    ``not made`` (in a row of its own) where only the reference has the comparison, and empty where only the analysis has
    it. Each analysis is judged at its own alpha.
    """
    tests = pd.concat([_select_tests(results[name], entry, trial) for name, entry in settings.analyses.items()])
    reference = tests[tests["analysis"].eq(settings.reference)].drop(columns="analysis")
    expected = pd.DataFrame({"analysis": list(settings.analyses)}).merge(reference, how="cross")
    frame = tests.merge(expected, on=["analysis", *KEYS], how="outer", suffixes=("", "_reference"), indicator="source")
    significant, was_significant = frame["significant"].eq("yes"), frame["significant_reference"].eq("yes")
    conclusions = {
        NOT_MADE: frame["source"].eq("right_only"),
        "": frame["source"].eq("left_only"),
        REFERENCE: frame["analysis"].eq(settings.reference),
        LOST: was_significant & ~significant,
        GAINED: significant & ~was_significant,
        REVERSED: significant & (frame["direction"] * frame["direction_reference"] < 0),
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
    direction = tests[get_test(analysis.test).estimate[0]]
    return tests.assign(analysis=analysis.name, significant=significant, direction=direction)


def compare_claims(
    verdicts: Mapping[str, pd.DataFrame], comparisons: pd.DataFrame, settings: Settings, trial: Trial
) -> pd.DataFrame:
    """Compare each reported P-value of a comparison of changes with its P in every analysis.

    A row per claim and analysis with the columns of ``CLAIM_COLUMNS``. The claim's stratum is matched by rank, so a
    claim about the reference's highest stratum is compared with the highest stratum of each analysis. ``conclusion`` is
    ``stays`` if P is on the reported side of the analysis's alpha, ``lost`` or ``gained`` if not, empty where a reported
    bound leaves the side open, ``not made`` without a P. Empty if nothing is published.
    """
    if settings.reference not in verdicts:
        return pd.DataFrame(columns=list(CLAIM_COLUMNS))
    reference, claims = settings.analyses[settings.reference], verdicts[settings.reference]
    claims = _select_changes(claims[claims["statistic"].eq("p")], reference, trial)
    analyses = pd.Series(list(settings.analyses), name="analysis")
    frame = claims[["claim", "locator", *KEYS, "reported"]].merge(analyses, how="cross")
    frame = frame.merge(comparisons[["analysis", *KEYS, "p", "significant"]], how="left")
    side = frame["reported"].map(lambda text: _reported_side(text, reference.alpha))
    conclusions = {
        NOT_MADE: frame["p"].isna(),
        "": side.eq(""),
        STAYS: side.eq(frame["significant"]),
        LOST: side.eq("yes"),
    }
    frame["conclusion"] = np.select(list(conclusions.values()), list(conclusions), GAINED)
    return frame[list(CLAIM_COLUMNS)]


def _reported_side(reported: str, alpha: float) -> str:
    """Return whether a reported P is significant, yes or no; empty where a bound leaves it open, as ``< 0.05`` does for 0.01."""
    relation, digits = split_relation(reported)
    limit = parse_number(digits).value
    if relation.startswith(">"):
        return "no" if limit >= alpha else ""
    if is_significant(limit, alpha):
        return "yes"
    return "" if relation.startswith("<") else "no"


def summarize(
    comparisons: pd.DataFrame,
    claims: pd.DataFrame,
    verdicts: Mapping[str, pd.DataFrame],
    settings: Settings,
    trial: Trial,
) -> pd.DataFrame:
    """Count, for each analysis, what differs from the reference."""
    reference = settings.analyses[settings.reference]
    judged = pd.DataFrame({"verdict": [], "analysis": []}, dtype=object)
    judged = pd.concat([judged, *(table[["verdict"]].assign(analysis=name) for name, table in verdicts.items())])
    differences = {name: describe_differences(entry, reference, trial) for name, entry in settings.analyses.items()}
    shifts = comparisons["effect_shift"].abs().groupby(comparisons["analysis"])

    def count(table: pd.DataFrame, column: str, *values: str) -> pd.Series:
        counts = table[column].isin(values).groupby(table["analysis"]).sum()
        return counts.reindex(differences, fill_value=0).astype(int)

    columns = {
        "differs_in": pd.Series({name: "; ".join(texts) for name, texts in differences.items()}),
        "comparisons": count(comparisons.dropna(subset="p"), "significant", "yes", "no"),
        "significant": count(comparisons, "significant", "yes"),
        **{kind.replace(" ", "_"): count(comparisons, "conclusion", kind) for kind in (*CHANGED, NOT_MADE)},
        "largest_effect_shift": shifts.max(),
        "median_effect_shift": shifts.median(),
        "claims_kept": count(claims, "conclusion", STAYS),
        "claims_changed": count(claims, "conclusion", LOST, GAINED),
        "values_reproduced": count(judged, "verdict", REPRODUCED, WITHIN_BOUND, OTHER_CONVENTION),
        "values_not_reproduced": count(judged, "verdict", *FAILURES),
    }
    return pd.DataFrame(columns).reindex(differences).rename_axis("analysis").reset_index()


def describe_differences(analysis: Analysis, reference: Analysis, trial: Trial) -> list[str]:
    """Describe each setting that differs from the reference; the checksum of a workbook goes with its name."""
    values = {"analysis": analysis, "reference": reference, "trial": trial, "test": get_test(analysis.test)}
    settings = (name for name in Analysis.model_fields if name not in ("name", "sha256"))
    changed = [name for name in settings if getattr(analysis, name) != getattr(reference, name)]
    return [labels.describe(f"setting_{name}", **values) for name in changed]


def rows_to_draw(comparisons: pd.DataFrame, trial: Trial, *, large_family: int = 10) -> tuple[list[tuple], int]:
    """Select the comparisons (outcome, visit, place) that the figure shows, and count those that it leaves out.

    It shows families of at most ``large_family`` outcomes completely; of larger ones, what changes in some analysis, or is
    significant in one where the reference lacks it.
    """
    family = comparisons["outcome"].map({key: outcome.family for key, outcome in trial.outcomes.items()})
    in_small_family = comparisons.groupby(family)["outcome"].transform("nunique").le(large_family)
    is_new = comparisons["conclusion"].eq("") & comparisons["significant"].eq("yes")
    is_shown = in_small_family | comparisons["conclusion"].isin(CHANGED) | is_new
    shown = comparisons.assign(is_shown=is_shown).groupby(KEYS, sort=False)["is_shown"].any()
    return shown.index[shown].tolist(), int((~shown).sum())
