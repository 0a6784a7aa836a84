"""Registry of two-sample tests: their texts, and their results for one pair of samples or for many columns.

To add a test, add an entry to ``two_sample.yaml``; its name is then an option in ``config.yaml``. numpy and scipy are imported
only when a test is run, so that reading names or texts is fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from .checks import Estimate


class ComparisonResult(NamedTuple):
    """Result for one pair of samples (floats), or for many (arrays of shape (k,))."""

    n_first: Any
    n_second: Any
    u: Any  # pairs with first > second, whatever the test
    statistic: Any  # of the test; NaN, like P, if the data do not determine it
    p: Any


@dataclass(frozen=True, kw_only=True)
class TwoSampleTest:
    """A two-sided test of two independent samples. Missing operations are None, with the reason in a text field."""

    name: str  # in config.yaml, and in the column `method` of the results
    label: str  # short name, for notes and legends
    sentence: str  # for the methods section, after "compared by the"
    references: list[str]  # keys of report/references.yaml, or the references themselves
    statistic: str  # its name in the results
    undefined: str  # why P may be undefined
    interval: str  # how effects are reported, with the placeholder {level}
    no_limit: str = "no interval of the shift for this test"  # why a limit may be missing
    not_permuted: str = ""  # why there is no permutation test
    no_bounds: str = ""  # why there are no bounds of P for missing values
    for_many: str = ""  # the test used, and named in the tables, where hundreds of large comparisons would take hours
    # Samples in rows, (c, n) and (c, m), without missing values -> P and, unless it is a rank-sum variant, t; each (c,)
    test: Callable[[np.ndarray, np.ndarray], Estimate]
    # (first, second, sorted differences, tie sum, alpha) -> differences outside each end of the interval of the shift
    depths: Callable[[np.ndarray, np.ndarray, np.ndarray, int, float], tuple[int, int]] | None = None
    # (first, second, *, confidence), as for `test`, if the test compares means
    mean_difference: Callable[..., Estimate] | None = None
    continuity: bool | None = None  # rank-sum variants: whether z is corrected
    smallest: int = 0  # participants in a group; with fewer, pages and tables say that P may be inaccurate

    @property
    def estimate(self) -> tuple[str, str, str]:
        """Names in the results of the estimate reported with P, and of the limits of its interval."""
        name = "mean_difference" if self.mean_difference else "hodges_lehmann"
        return name, f"{name}_lower", f"{name}_upper"

    @property
    def has_interval(self) -> bool:
        """Whether the estimate reported with P has an interval."""
        return bool(self.depths or self.mean_difference)

    def difference_columns(self, values: np.ndarray, is_first: np.ndarray, *, confidence: float) -> Estimate:
        """Return the estimate reported with P, and its interval, in each column of values, shape (n, k).

        It is the Hodges-Lehmann estimate or, for a test of means, their difference. ``is_first`` marks the first sample.
        """
        from .rank_sum import compare_by_sizes, hodges_lehmann_columns

        if self.mean_difference:
            return compare_by_sizes(partial(self.mean_difference, confidence=confidence), values, is_first)
        return hodges_lehmann_columns(values, is_first, method=self.name, confidence=confidence)

    def compare(self, first: ArrayLike, second: ArrayLike) -> ComparisonResult:
        """Compare two samples.

        >>> round(get_test("normal").compare([1.1, 2.2, 3.3, 4.4], [2.0, 0.5, 0.7]).p, 4)
        0.0771
        """
        import numpy as np

        from .checks import drop_missing

        samples = drop_missing(first), drop_missing(second)
        is_first = np.repeat([True, False], [sample.size for sample in samples])
        compared = self.compare_columns(np.concatenate(samples)[:, None], is_first)
        return ComparisonResult(*(field.item() for field in compared))

    def compare_columns(self, values: np.ndarray, is_first: np.ndarray) -> ComparisonResult:
        """Compare the samples in each column of values, shape (n, k); ``is_first`` marks the first sample.

        ``test`` compares all columns with the same sample sizes in one call.
        """
        import numpy as np

        from .rank_sum import asymptotic_columns, compare_by_sizes

        by_rank = asymptotic_columns(values, is_first, continuity=bool(self.continuity))
        tested = compare_by_sizes(self.test, values, is_first)
        statistic = tested.t if self.continuity is None else by_rank.statistic
        return by_rank._replace(statistic=statistic, p=np.where(np.isnan(statistic), np.nan, tested.p))


def get_test(name: str) -> TwoSampleTest:
    """Return the test with this name; ValueError if there is none."""
    if name not in TESTS:
        raise ValueError(f"two-sample test {name!r}: expected one of {', '.join(TESTS)}")
    return TESTS[name]


def rank_sum_variants() -> tuple[str, ...]:
    """Return the names of the variants of the Wilcoxon rank-sum test; programs differ in their default variant."""
    return tuple(name for name, test in TESTS.items() if test.continuity is not None)


def _import_when_called(module: str, function: str, options: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that imports the module only when it is called, and passes the options to its function.

    It returns the statistic and P of a test of scipy as an ``Estimate``.
    """

    def call(*arguments: Any, **keywords: Any) -> Any:
        from . import estimate, rank_sum  # noqa: F401 - so that steps depend on the modules of the tests
        from .checks import Estimate

        result = getattr(import_module(module, __package__), function)(*arguments, **options, **keywords)
        return Estimate(t=result.statistic, p=result.pvalue) if hasattr(result, "pvalue") else result

    return call


def _read_tests() -> dict[str, TwoSampleTest]:
    """Read the tests from ``two_sample.yaml``, in alphabetical order."""
    entries = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    for entry in entries.values():
        for operation in ("test", "depths", "mean_difference"):
            if operation in entry:
                entry[operation] = _import_when_called(*entry[operation])
    return {name: TwoSampleTest(name=name, **entries[name]) for name in sorted(entries)}


TESTS = _read_tests()
