"""All analyses side by side: which conclusions stay, which flip, and how far the estimates move."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .results_table import EVERYBODY
from .stats.checks import is_significant

if TYPE_CHECKING:
    import pandas as pd

    from .config.settings import Analysis, Settings
    from .trial import Trial

COMPARISON_COLUMNS = (
    "analysis",
    "outcome",
    "visit",
    "place",  # all, or which stratum of the analysis' own marker: highest, lowest, 2nd of 3
    "measure",
    "marker",
    "stratum",
    "n_first",
    "n_second",
    "p",
    "significant",
    "reference_p",
    "conclusion",
    "mann_whitney_effect",
    "effect_shift",  # against the reference, in the same place
    "hodges_lehmann",
    "hodges_lehmann_lower",
    "hodges_lehmann_upper",
    "hodges_lehmann_shift",  # only where the reference has the same measure
)
CLAIM_COLUMNS = ("claim", "locator", "outcome", "visit", "place", "reported", "analysis", "p", "conclusion", "verdict")
SUMMARY_COLUMNS = (
    "analysis",
    "differs_in",
    "comparisons",
    "significant",
    "lost",
    "gained",
    "reversed",
    "largest_effect_shift",
    "median_effect_shift",
    "claims_that_stay",
    "claims_that_flip",
    "printed_numbers_matched",
    "printed_numbers_failed",
)

STAYS, LOST, GAINED, REVERSED, NOT_MADE, REFERENCE = "stays", "lost", "gained", "reversed", "not made", "reference"
_STATISTICS = ("p", "mann_whitney_effect", "hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper")


def places(labels: list[str]) -> dict[str, str]:
    """Name each stratum by its rank, so that analyses with other labels or numbers of strata can be compared."""
    count = len(labels)
    names = {label: f"{rank} of {count}" for rank, label in enumerate(labels, start=1)}
    return names | {labels[0]: "lowest", labels[-1]: "highest"}


def compare_tests(results: dict[str, pd.DataFrame], settings: Settings, trial: Trial) -> pd.DataFrame:
    """Every comparison of the arms' changes, in every analysis.

    Parameters
    ----------
    results : dict of analysis name to its long table
        Must hold the reference analysis.
    settings : Settings
    trial : Trial

    Returns
    -------
    pandas.DataFrame
        A row per analysis, outcome, visit and place with the columns of ``COMPARISON_COLUMNS``. Strata are those of the
        analysis' own marker, matched by rank. ``conclusion`` is ``lost`` or ``gained`` where P lies across alpha from
        the reference, ``reversed`` where both are significant in opposite directions, ``not made`` (in a row
        of its own) where only the reference has the comparison, and empty where only the analysis has it. Each
        analysis is judged at its own alpha.
    """
    import pandas as pd

    tables = {name: _tests(results[name], settings.analyses[name], trial) for name in settings.analyses}
    reference = tables[settings.reference]
    rows = []
    for name, table in tables.items():
        alpha = settings.analyses[name].alpha
        for key in [*table, *(key for key in reference if key not in table)]:
            own, theirs = table.get(key), reference.get(key)
            rows.append(_row(name, key, own, theirs, alpha, settings))
    order = {outcome: i for i, outcome in enumerate(trial.outcomes)} | {v: i for i, v in enumerate(trial.visits)}
    rank = {place: i for i, place in enumerate([EVERYBODY, "highest", "lowest"])}
    names = list(settings.analyses)
    rows.sort(key=lambda row: (order[row[1]], order[row[2]], rank.get(row[3], 9), row[3], names.index(row[0])))
    frame = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    return frame.astype({"n_first": "Int64", "n_second": "Int64"})


def _tests(results: pd.DataFrame, analysis: Analysis, trial: Trial) -> dict[tuple, dict[str, Any]]:
    """Statistics of each comparison of changes, by outcome, visit and place."""
    ranks = {EVERYBODY: EVERYBODY, **places(analysis.strata.labels)}
    chosen = results[
        results["contrast"].eq(trial.contrast)
        & results["measure"].eq(analysis.measure)
        & results["marker"].isin(["", analysis.marker])
        & results["statistic"].isin(_STATISTICS)
        & results["stratum"].isin(ranks)
    ]
    found: dict[tuple, dict[str, Any]] = {}
    for row in chosen.itertuples(index=False):
        entry = found.setdefault(
            (row.outcome, row.visit, ranks[row.stratum]),
            {
                "measure": row.measure,
                "marker": row.marker,
                "stratum": row.stratum,
                "n_first": row.n_first,
                "n_second": row.n_second,
            },
        )
        entry[row.statistic] = row.value
    return found


def _row(name: str, key: tuple, own: dict | None, theirs: dict | None, alpha: float, settings: Settings) -> tuple:
    is_reference = name == settings.reference
    if own is None:
        absent = [math.nan] * 2, math.nan, "", theirs["p"], NOT_MADE, *[math.nan] * 6
        return (name, *key, "", "", "", *absent[0], *absent[1:])
    p, effect = own["p"], own["mann_whitney_effect"]
    conclusion, reference_p, shift, moved = "", math.nan, math.nan, math.nan
    if theirs is not None:
        reference_p = theirs["p"]
        shift = effect - theirs["mann_whitney_effect"]
        if own["measure"] == theirs["measure"]:
            moved = own["hodges_lehmann"] - theirs["hodges_lehmann"]
        conclusion = REFERENCE if is_reference else _conclusion(own, theirs, alpha, settings)
    return (
        name,
        *key,
        own["measure"],
        own["marker"],
        own["stratum"],
        own["n_first"],
        own["n_second"],
        p,
        "yes" if is_significant(p, alpha) else "no",
        reference_p,
        conclusion,
        effect,
        shift,
        own["hodges_lehmann"],
        own["hodges_lehmann_lower"],
        own["hodges_lehmann_upper"],
        moved,
    )


def _conclusion(own: dict, theirs: dict, alpha: float, settings: Settings) -> str:
    was = is_significant(theirs["p"], settings.analyses[settings.reference].alpha)
    now = is_significant(own["p"], alpha)
    if was and now:
        opposite = (own["mann_whitney_effect"] - 0.5) * (theirs["mann_whitney_effect"] - 0.5) < 0
        return REVERSED if opposite else STAYS
    return STAYS if was == now else LOST if was else GAINED


def compare_claims(
    verdicts: dict[str, pd.DataFrame], comparisons: pd.DataFrame, settings: Settings, trial: Trial
) -> pd.DataFrame:
    """Each printed P-value of a comparison of changes, in every analysis.

    Returns
    -------
    pandas.DataFrame
        A row per claim and analysis with the columns of ``CLAIM_COLUMNS``. The claim's stratum is matched by rank, so a
        claim about the reference's highest stratum is held against the highest stratum of each analysis. ``conclusion``
        is ``stays`` if P lies on the printed side of alpha, ``lost`` or ``gained`` if not, ``not made`` without a P.
        ``verdict`` is the analysis' own on the printed digits. Empty if nothing is published.
    """
    import pandas as pd

    base = settings.analyses[settings.reference]
    rows = []
    if settings.reference in verdicts:
        ranks = {EVERYBODY: EVERYBODY, **places(base.strata.labels)}
        printed = verdicts[settings.reference]
        printed = printed[
            printed["statistic"].eq("p")
            & printed["contrast"].eq(trial.contrast)
            & printed["measure"].eq(base.measure)
            & printed["marker"].isin(["", base.marker])
        ]
        keys = ["analysis", "outcome", "visit", "place"]
        found = comparisons.set_index(keys)["p"].to_dict()
        own = {name: frame.set_index("claim")["verdict"].to_dict() for name, frame in verdicts.items()}
        for claim in printed.itertuples(index=False):
            place = ranks.get(claim.stratum)
            for name, analysis in settings.analyses.items():
                p = found.get((name, claim.outcome, claim.visit, place), math.nan)
                conclusion = _held(claim.reported, p, base.alpha, analysis.alpha)
                verdict = own.get(name, {}).get(claim.claim, "")
                head = (claim.claim, claim.locator, claim.outcome, claim.visit, place, claim.reported)
                rows.append((*head, name, p, conclusion, verdict))
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))


def _held(printed: str, p: float, printed_alpha: float, alpha: float) -> str:
    if math.isnan(p):
        return NOT_MADE
    relation = printed.strip()[:1]
    number = float(printed.strip().lstrip("<>=≤≥ ").split()[0])
    was = relation != ">" and bool(is_significant(number, printed_alpha))
    now = is_significant(p, alpha)
    return STAYS if was == now else LOST if was else GAINED


def summarize(
    comparisons: pd.DataFrame, claims: pd.DataFrame, verdicts: dict[str, pd.DataFrame], settings: Settings
) -> pd.DataFrame:
    """Count, for each analysis, what differs from the reference; columns of ``SUMMARY_COLUMNS``."""
    import pandas as pd

    from .claims import FAILURES, NOT_APPLICABLE, NOT_CHECKABLE

    rows = []
    for name, analysis in settings.analyses.items():
        own = comparisons[comparisons["analysis"].eq(name)]
        made = own[own["p"].notna()]
        counts = own["conclusion"].value_counts()
        shifts = own["effect_shift"].abs().dropna()
        held = claims[claims["analysis"].eq(name)]["conclusion"]
        verdict = verdicts[name]["verdict"] if name in verdicts else pd.Series(dtype=object)
        failed = verdict.isin(FAILURES)
        rows.append(
            (
                name,
                "; ".join(differences(analysis, settings.analyses[settings.reference])),
                len(made),
                int(made["significant"].eq("yes").sum()),
                *(int(counts.get(kind, 0)) for kind in (LOST, GAINED, REVERSED)),
                shifts.max() if len(shifts) else math.nan,
                shifts.median() if len(shifts) else math.nan,
                int(held.eq(STAYS).sum()),
                int(held.isin([LOST, GAINED]).sum()),
                int((~failed & ~verdict.isin([NOT_CHECKABLE, NOT_APPLICABLE])).sum()),
                int(failed.sum()),
            )
        )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def differences(analysis: Analysis, reference: Analysis) -> list[str]:
    """List in words what an analysis sets otherwise than the reference, such as ``test: exact``."""
    own, base = (_flat(entry.model_dump(mode="json", exclude={"name"})) for entry in (analysis, reference))
    return [f"{key}: {_shown(value)}" for key, value in own.items() if value != base.get(key)]


def _flat(content: dict, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def rows_to_draw(comparisons: pd.DataFrame, trial: Trial, *, large_family: int = 10) -> tuple[list[tuple], int]:
    """Choose which comparisons the picture shows.

    Returns
    -------
    rows : list of (outcome, visit, place)
        All of families with at most ``large_family`` outcomes; of larger ones those that flip in some analysis.
    left_out : int
        How many are not shown, because no analysis changes their conclusion.
    """
    size: dict[str, int] = {}
    keys = ["outcome", "visit", "place"]
    for outcome in comparisons["outcome"].drop_duplicates():
        family = trial.outcomes[outcome].family
        size[family] = size.get(family, 0) + 1
    shown, left_out = [], 0
    for key, rows in comparisons.groupby(keys, sort=False):
        small = size[trial.outcomes[key[0]].family] <= large_family
        if small or rows["conclusion"].isin([LOST, GAINED, REVERSED]).any():
            shown.append(key)
        else:
            left_out += 1
    return shown, left_out
