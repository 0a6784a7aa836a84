"""Which later analyses the report shows, in this order and with these words.

To show another one, add an entry. A table or picture that is not listed is shown after these, whole; where title or
caption are not given here, a JSON file beside it may give them (see :mod:`.extras`).
"""

from __future__ import annotations

from .. import compare
from .shaping import Column, Section

ANCOVA, ANCOVA_PERCENT, MIXED = "covariance, log scale", "covariance, percent change", "mixed model"
IMPUTED, IMPUTED_ANCOVA, ANY_VALUES = "imputed, placements", "imputed, covariance", "any values of the missing"
WELCH, BRUNNER_MUNZEL = "mean log ratio", "Mann-Whitney effect"

SECTIONS = (
    Section("robustness/every_cut_*"),
    Section(
        "robustness/best_cuts",
        "The best cut, and what the search for it costs",
        "The cut of {marker} with the smallest P above it, and below it, with the shift ({treated} − {control}) and its "
        "{level} interval. P: as if it had been the only cut. Then P corrected, by permuted arms, for the search over "
        "the cuts of that side; on both sides (at the better of the two); and over all cuts, markers, outcomes and "
        "visits of the family. A small corrected P shows an effect in some subgroup, not that subgroups differ.",
        (
            Column("Cuts tried", "cuts"),
            Column("Best", "cut"),
            Column("Shift", "hodges_lehmann", limits=("lower", "upper")),
            Column("P", "p"),
            Column("P, best of side", "p_best_of_side"),
            Column("P, best of both", "p_best_of_both"),
            Column("P, best of family", "p_best_of_family"),
        ),
        rows=("outcome", "side"),
    ),
    Section(
        "robustness/best_splits",
        "Does the marker part the changes within an arm?",
        "The cut of {marker} that divides the changes of one arm best (maximally selected rank statistic), with P as if "
        "it had been the only cut, and P corrected for the search by permuted changes. What shows in {control} as well "
        "as in {treated} goes with the marker whatever the treatment.",
        (
            Column("n", "n"),
            Column("Cuts tried", "cuts"),
            Column("Best", "cut"),
            Column("P", "p"),
            Column("P, corrected", "p_corrected"),
        ),
        rows=("outcome", "arm"),
    ),
    Section(
        "robustness/multiplicity",
        "P-values adjusted for their number",
        "Within families that the configuration names: by Holm and by Benjamini and Hochberg from the P of the "
        "analysis; by step-down max-T (Westfall and Young) from permuted arm labels, with the 99% interval that their "
        "number leaves.",
        (
            Column("P", "p"),
            Column("Holm", "p_holm"),
            Column("Benjamini-Hochberg", "p_benjamini_hochberg"),
            Column("Max-T", "p_max_t"),
        ),
        rows=("family", "outcome", "stratum"),
    ),
    Section("robustness/specification_curve"),
    Section(
        "robustness/multiverse",
        columns=(
            Column("Value", "value"),
            Column("P", "p"),
            Column("Permuted mean", "permuted_mean"),
            Column("Specifications", "specifications"),
            Column("Different tests", "tests"),
            Column("Too small", "too_small"),
        ),
        rows=("family", "summary"),
        main_only=False,
    ),
    Section(
        "sensitivity/interaction",
        "Do the strata differ?",
        "Interaction of treatment with the strata of {marker}: the chance that a change in {treated} exceeds one in "
        "{control}, in the upper stratum minus in the lower, with its {level} interval; and P when strata are dealt "
        "anew among the participants of each arm. That one stratum is significant and another is not does not show "
        "that they differ; this does.",
        (
            Column("Difference of effects", "effect_difference"),
            Column("P", "p", "placements"),
            Column("P, strata dealt anew", "p", "strata dealt"),
        ),
        rows=("outcome", "contrast"),
        where=lambda row: " x " not in row["contrast"],
    ),
    Section(
        "sensitivity/interaction",
        "Does the effect grow with the marker?",
        "Interaction of treatment with {marker} itself, without any cut: by how much the log ratio rises more steeply "
        "with the marker in {treated} than in {control}.",
        (Column("Difference of slopes", "slope_difference"), Column("P", "p", "log ratio on arm x marker")),
        rows=("outcome",),
        where=lambda row: " x " in row["contrast"],
    ),
    Section(
        "sensitivity/sensitivity",
        "The same comparisons by other methods",
        "Covariance adjusts for the baseline value; on the log scale the effect is the percent by which the ratio of "
        "follow-up to baseline in {treated} exceeds that in {control}. The mixed model takes all visits together. "
        "Imputed: missing values filled in by multiple imputation. Any values: the range of P over everything that the "
        "missing values may have been.",
        (
            Column("Covariance, log scale: percent", "adjusted_percent", ANCOVA),
            Column("P", "p", ANCOVA),
            Column("Covariance, percent change: P", "p", ANCOVA_PERCENT),
            Column("Mixed model: percent", "adjusted_percent", MIXED),
            Column("P", "p", MIXED),
            Column("Imputed: P", "p", IMPUTED),
            Column("Imputed, covariance: P", "p", IMPUTED_ANCOVA),
            Column("Any values: P", "p_lowest..p_highest", ANY_VALUES),
        ),
    ),
    Section(
        "sensitivity/leave_one_out",
        "Does it hang on one participant?",
        "P without each participant in turn, and for how many of them P ≤ {alpha} turns into its opposite.",
        (
            Column("P of all", "p_all"),
            Column("P without one", "p_minimum..p_maximum"),
            Column("Participants who turn it", "flips"),
        ),
    ),
    Section(
        "sensitivity/doubtful_values",
        "What a doubtful value does",
        "Printed values that may be slips: the comparison with the value as printed, with what it may have been, and "
        "without the participant.",
        (
            Column("Hodges-Lehmann shift", "hodges_lehmann"),
            Column("P, rank-sum", "p", "rank-sum, normal"),
            Column("Difference of means", "mean_difference", "means"),
            Column("P, means", "p", "means"),
            Column("Covariance, log scale: percent", "adjusted_percent", ANCOVA),
            Column("P", "p", ANCOVA),
        ),
        rows=("outcome", "stratum", "group"),
        where=lambda row: ", " not in row["contrast"] and " x " not in row["contrast"],
    ),
    Section(
        "sensitivity/power",
        "What the trial could find",
        "Power of each comparison for the planned difference, and the difference that it would find with the planned "
        "power.",
        (
            Column("Power, t test", "power", "two-sided t test"),
            Column("Power, rank-sum test", "power", "rank-sum test"),
            Column("Difference with the planned power", "detectable_difference", "two-sided t test"),
        ),
        where=lambda row: row["group"] == "planned",
    ),
    Section(
        "sensitivity/power",
        "How far significance exaggerates",
        "Were the true effect in a stratum that among everybody: the power of the comparison, the chance that a "
        "significant estimate has the wrong sign, and by what factor significant estimates exaggerate.",
        (
            Column("Power", "power", BRUNNER_MUNZEL),
            Column("Wrong sign", "wrong_sign", BRUNNER_MUNZEL),
            Column("Exaggeration", "exaggeration", BRUNNER_MUNZEL),
            Column("Exaggeration, mean log ratio", "exaggeration", WELCH),
        ),
        where=lambda row: row["group"] == "as among all",
    ),
    Section(
        "compare/summary",
        "What each analysis changes",
        "Lost, gained, reversed: comparisons that are significant in the reference analysis alone, in this one alone, "
        "or in the other direction.",
    ),
    Section("compare/comparison", "P and effect of each comparison"),
    Section(
        "compare/claims",
        "Claims that another analysis turns",
        "Printed P-values on whose side of {alpha} not all analyses agree.",
        (
            Column("Reported", "reported"),
            Column("Analysis", "analysis"),
            Column("P", "p"),
            Column("Conclusion", "conclusion"),
        ),
        rows=("outcome", "place"),
        where=lambda row: row["conclusion"] in (compare.LOST, compare.GAINED, compare.REVERSED),
        main_only=False,
    ),
    Section("compare/comparisons", "All comparisons", main_only=False),
)
