"""What a two-sample test is; each other module of this package holds one, named ``TEST``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from ..estimate import Estimate

WILCOXON = {
    "wilcoxon": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1, 80-83 (1945).",
}
MANN_WHITNEY = {
    "mann_whitney": (
        "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than the "
        "other. Annals of Mathematical Statistics 18, 50-60 (1947)."
    ),
}


class Compared(NamedTuple):
    """Result of a two-sided test of one pair of samples (floats), or of many (arrays of shape (k,)).

    Attributes
    ----------
    n_first, n_second : int
        Values that are not missing.
    u : float
        Pairs with first > second, ties counting half: Mann and Whitney's U, whatever the test.
    statistic : float
        Of the test; its name is that of the test's ``statistic``. NaN where ``p`` is.
    p : float
        NaN where the data do not determine it; the test's ``undefined`` says why.
    """

    n_first: Any
    n_second: Any
    u: Any
    statistic: Any
    p: Any


@dataclass(frozen=True)
class TwoSampleTest:
    """A two-sided test of two independent samples, with everything that other rooms ask of it.

    What a test cannot do is None here, with the reason in words beside it; nothing is put in its place.

    Attributes
    ----------
    name : str
        As in ``config.yaml`` and in the column ``method`` of the results; the name of the module.
    label : str
        A few words, for notes and legends.
    sentence : str
        For the methods section, after "compared by the".
    references : mapping of str to str
        Key and citation.
    statistic : str
        Name of the statistic in the results.
    undefined : str
        Why there is no P for some data.
    compare : callable (first, second) -> Compared
        Samples of shape (n,) and (m,).
    compare_columns : callable (values, is_first) -> Compared
        Values of shape (n, k), a column per variable; which rows form the first sample, shape (n,).
    depths : callable (first, second, differences, tie_sum, alpha) -> (int, int), or None
        How many of the sorted pairwise differences lie outside each end of the interval of the median difference that
        inverts this test; see :mod:`d_q_trial.stats.shift`.
    mean_difference : callable (first, second, *, confidence) -> Estimate, or None
        The difference of means with the interval that belongs to this test.
    interval : str
        What the test's interval is, in words, or why it has none.
    continuity : bool or None
        Of a linear rank statistic: whether its permutation distribution is that of the deviate with continuity
        correction. None: it is no linear rank statistic, and the permutation engine cannot permute it.
    not_permuted : str
        Why it is not permuted.
    no_bounds : str
        Why there are no bounds of P for missing values; empty where :func:`d_q_trial.stats.bounds.p_bounds` has them.
    rank_sum_variant : bool
        Whether it is one of the variants of Wilcoxon's rank-sum test that programs disagree on.
    for_many : str
        Name of the test that is made, and named in the tables, where hundreds of comparisons of large groups would take
        hours; empty if this test is quick enough.
    """

    name: str
    label: str
    sentence: str
    references: Mapping[str, str]
    statistic: str
    undefined: str
    compare: Callable[[np.ndarray, np.ndarray], Compared]
    compare_columns: Callable[[np.ndarray, np.ndarray], Compared]
    interval: str
    depths: Callable[[np.ndarray, np.ndarray, np.ndarray, int, float], tuple[int, int]] | None = None
    mean_difference: Callable[..., Estimate] | None = None
    continuity: bool | None = None
    not_permuted: str = ""
    no_bounds: str = ""
    rank_sum_variant: bool = False
    for_many: str = ""


def column_by_column(
    compare: Callable[[np.ndarray, np.ndarray], Compared],
) -> Callable[[np.ndarray, np.ndarray], Compared]:
    """Make a ``compare_columns`` that compares one column after the other."""

    def compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
        import numpy as np

        found = [compare(column[is_first], column[~is_first]) for column in np.asarray(values, dtype=float).T]
        return (
            Compared(*(np.array(field) for field in zip(*found, strict=True)))
            if found
            else Compared(*[np.empty(0)] * 5)
        )

    return compare_columns
