"""The registry of two-sample tests: one module per test, discovered by its file.

To add a test, add a module with a ``TEST``; its file name is the test's name in ``config.yaml``. The modules import numpy
and scipy only when a test is made, so that asking for names or words is cheap.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ._base import Compared, TwoSampleTest

__all__ = ["Compared", "TwoSampleTest", "all_tests", "get_test", "names", "permutable_names", "rank_sum_variants"]


def names() -> tuple[str, ...]:
    """Return the names of all tests, in alphabetical order, without importing them.

    >>> names()
    ('brunner_munzel', 'exact', 'normal', 'normal_continuity', 'welch')
    """
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


@cache
def get_test(name: str) -> TwoSampleTest:
    """Return the test of a name; ValueError if there is none.

    >>> get_test("welch").label
    "Welch's t test"
    """
    if name not in names():
        raise ValueError(f"two-sample test {name!r}: expected one of {', '.join(names())}")
    test: TwoSampleTest = import_module(f"{__name__}.{name}").TEST
    return test


def all_tests() -> tuple[TwoSampleTest, ...]:
    """Return all tests in the order of their names.

    >>> [test.name for test in all_tests() if test.depths is None]
    ['brunner_munzel', 'welch']
    """
    return tuple(get_test(name) for name in names())


def rank_sum_variants() -> tuple[str, ...]:
    """Return the names of the variants of Wilcoxon's rank-sum test.

    >>> rank_sum_variants()
    ('exact', 'normal', 'normal_continuity')
    """
    return tuple(test.name for test in all_tests() if test.rank_sum_variant)


def permutable_names() -> tuple[str, ...]:
    """Return the names of the linear rank statistics whose P follows from their deviate: what a multiverse may vary.

    >>> permutable_names()
    ('normal', 'normal_continuity')
    """
    return tuple(test.name for test in all_tests() if test.continuity is not None and not test.for_many)
