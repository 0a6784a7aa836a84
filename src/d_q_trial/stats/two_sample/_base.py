"""What a two-sample test is; every other module of this package holds one, named ``TEST``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from ..estimate import Estimate

WILCOXON = {"wilcoxon": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1, 80-83 (1945)."}
MANN_WHITNEY = {
    "mann_whitney": (
        "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than the "
        "other. Annals of Mathematical Statistics 18, 50-60 (1947)."
    ),
}
INVERTED = "given as the Hodges-Lehmann shift with the {level} interval obtained by inverting the same test"


class Compared(NamedTuple):
    """Result for one pair of samples (floats), or for many (arrays of shape (k,)).

    ``u`` counts the pairs with first > second, ties counting half, whatever the test. ``statistic`` (of the test) and
    ``p`` (two-sided) are NaN where the data do not determine them; the test's ``undefined`` says why.
    """

    n_first: Any
    n_second: Any
    u: Any
    statistic: Any
    p: Any


@dataclass(frozen=True)
class TwoSampleTest:
    """A two-sided test of two independent samples, with everything that other rooms ask of it.

    What a test cannot do is None, with the reason in words beside it; nothing is put in its place.
    """

    name: str  # as in config.yaml and in the column ``method`` of the results; the name of the module
    label: str  # a few words, for notes and legends
    sentence: str  # for the methods section, after "compared by the"
    references: Mapping[str, str]  # key and citation
    statistic: str  # its name in the results
    undefined: str  # why some data have no P
    compare: Callable[[np.ndarray, np.ndarray], Compared]  # samples of shape (n,) and (m,)
    compare_columns: Callable[[np.ndarray, np.ndarray], Compared]  # values (n, k), and which rows are first (n,)
    interval: str  # how effects are given, with the placeholder {level}
    # (first, second, sorted differences, tie sum, alpha) -> how many differences lie outside each end of the interval
    # of the shift that inverts the test
    depths: Callable[[np.ndarray, np.ndarray, np.ndarray, int, float], tuple[int, int]] | None = None
    mean_difference: Callable[..., Estimate] | None = None  # (first, second, *, confidence), where the test is of means
    continuity: bool | None = None  # of a linear rank statistic, which can be permuted: whether with the correction
    not_permuted: str = ""  # why it cannot be permuted
    no_bounds: str = ""  # why stats.bounds has no bounds of its P for missing values
    rank_sum_variant: bool = False  # one of the variants of Wilcoxon's test that programs disagree on
    for_many: str = ""  # the test made, and named in the tables, where hundreds of large comparisons would take hours


def asymptotic_test(name: str, *, continuity: bool, label: str, sentence: str) -> TwoSampleTest:
    """Make a rank-sum test by the normal approximation."""

    def compare(first: np.ndarray, second: np.ndarray) -> Compared:
        from ..rank_sum import asymptotic

        return asymptotic(first, second, continuity=continuity)

    def compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
        from ..rank_sum import asymptotic_columns

        return asymptotic_columns(values, is_first, continuity=continuity)

    def depths(first: np.ndarray, second: np.ndarray, _: np.ndarray, ties: int, alpha: float) -> tuple[int, int]:
        from ..shift import normal_depth

        return (normal_depth(first.size, second.size, ties, alpha, continuity=continuity),) * 2

    return TwoSampleTest(
        name,
        label,
        sentence,
        references=WILCOXON | MANN_WHITNEY,
        statistic="z",
        undefined="all values are equal",
        compare=compare,
        compare_columns=compare_columns,
        interval=INVERTED,
        depths=depths,
        continuity=continuity,
        rank_sum_variant=True,
    )


def column_by_column(
    compare: Callable[[np.ndarray, np.ndarray], Compared],
) -> Callable[[np.ndarray, np.ndarray], Compared]:
    """Make a ``compare_columns`` that compares one column after the other."""

    def compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
        import numpy as np

        found = [compare(column[is_first], column[~is_first]) for column in np.asarray(values, dtype=float).T]
        return (
            Compared(*(np.array(field) for field in zip(*found, strict=True))) if found else Compared(*np.empty((5, 0)))
        )

    return compare_columns
