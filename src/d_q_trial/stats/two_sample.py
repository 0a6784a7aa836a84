"""The registry of two-sample tests: each with its words, its result for one pair of samples and for many columns.

To add a test, add its words to ``two_sample.yaml`` and its functions to ``_FUNCTIONS``; its name is then a choice in
``config.yaml``. numpy and scipy are imported only when a test is made, so that asking for names or words is cheap.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    import numpy as np

    from .estimate import Estimate

    Compare = Callable[[np.ndarray, np.ndarray], "Compared"]
    Depths = Callable[[np.ndarray, np.ndarray, np.ndarray, int, float], tuple[int, int]]


class Compared(NamedTuple):
    """Result for one pair of samples (floats), or for many (arrays of shape (k,)).

    ``u`` counts the pairs with first > second, whatever the test. ``statistic`` (of the test) and ``p`` are NaN where the
    data do not determine them; the test's ``undefined`` says why.
    """

    n_first: Any
    n_second: Any
    u: Any
    statistic: Any
    p: Any


@dataclass(frozen=True, kw_only=True)
class TwoSampleTest:
    """A two-sided test of two independent samples, with everything that other modules ask of it.

    The words are explained in ``two_sample.yaml``. What a test cannot do is None, with the reason in words beside it;
    nothing is put in its place.
    """

    name: str
    label: str
    sentence: str
    references: Mapping[str, str]
    statistic: str
    undefined: str
    interval: str
    not_permuted: str = ""
    no_bounds: str = ""
    for_many: str = ""
    compare: Compare  # samples of shape (n,) and (m,)
    columns: Compare | None = None  # values (n, k) and which rows are first (n,), where that is faster than one by one
    # (first, second, sorted differences, tie sum, alpha) -> how many differences lie outside each end of the interval
    # of the shift that inverts the test
    depths: Depths | None = None
    mean_difference: Callable[..., Estimate] | None = None  # (first, second, *, confidence), where the test is of means
    continuity: bool | None = None  # of a variant of the rank-sum test: whether its deviate is corrected

    def compare_columns(self, values: np.ndarray, is_first: np.ndarray) -> Compared:
        """Compare the samples in each column of values, shape (n, k), where ``is_first`` says which rows are first."""
        if self.columns is not None:
            return self.columns(values, is_first)
        import numpy as np

        found = [self.compare(column[is_first], column[~is_first]) for column in values.T]
        fields = zip(*found, strict=True) if found else np.empty((5, 0))
        return Compared(*(np.array(field) for field in fields))


def get_test(name: str) -> TwoSampleTest:
    """Return the test of a name; ValueError if there is none.

    >>> get_test("welch").label
    "Welch's t test"
    """
    if name not in TESTS:
        raise ValueError(f"two-sample test {name!r}: expected one of {', '.join(TESTS)}")
    return TESTS[name]


def rank_sum_variants() -> tuple[str, ...]:
    """Return the names of the variants of Wilcoxon's rank-sum test that programs disagree on.

    >>> rank_sum_variants()
    ('exact', 'normal', 'normal_continuity')
    """
    return tuple(name for name, test in TESTS.items() if test.continuity is not None)


def permutable_names() -> tuple[str, ...]:
    """Return the names of the variants whose P follows from their deviate: what a multiverse may vary.

    >>> permutable_names()
    ('normal', 'normal_continuity')
    """
    return tuple(name for name in rank_sum_variants() if not TESTS[name].for_many)


def _call(module: str, function: str, **options: Any) -> Callable[..., Any]:
    """Make a function that imports what it calls when it is called."""

    def call(*arguments: Any, **further: Any) -> Any:
        from . import estimate, interaction, rank_sum, shift  # noqa: F401 - those that the tests are in

        return getattr(sys.modules[f"{__package__}.{module}"], function)(*arguments, **options, **further)

    return call


def _normal(*, continuity: bool) -> dict[str, Any]:
    """Return the functions of the normal approximation, with the continuity correction of half a unit of U or without."""
    return {
        "compare": _call("rank_sum", "asymptotic", continuity=continuity),
        "columns": _call("rank_sum", "asymptotic_columns", continuity=continuity),
        "depths": _call("shift", "normal_depths", continuity=continuity),
        "continuity": continuity,
    }


_FUNCTIONS: dict[str, dict[str, Any]] = {
    "brunner_munzel": {"compare": _call("interaction", "brunner_munzel")},
    "exact": {
        "compare": _call("rank_sum", "exact"),
        "columns": _call("rank_sum", "exact_columns"),
        "depths": _call("shift", "exact_depths"),
        "continuity": False,
    },
    "normal": _normal(continuity=False),
    "normal_continuity": _normal(continuity=True),
    "welch": {
        "compare": _call("estimate", "welch"),
        "mean_difference": _call("estimate", "mean_difference"),
    },
}
_WORDS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
TESTS = {name: TwoSampleTest(name=name, **_WORDS[name], **_FUNCTIONS[name]) for name in sorted(_WORDS)}
