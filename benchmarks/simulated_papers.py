"""Simulated papers with a known convention, to measure how often the inference is right."""

from __future__ import annotations

import numpy as np

from d_q_trial.consistency.inference import NEITHER, assess_p, infer_convention
from d_q_trial.consistency.lattice import EXACT, NO_TIES, Group, estimate_ties, rank_sum_p
from d_q_trial.consistency.reported import ReportedP
from d_q_trial.formatting import round_decimal
from d_q_trial.published_tables import parse_number
from d_q_trial.stats.quantiles import quantile
from d_q_trial.stats.rank_sum import exact_p, midrank_columns
from d_q_trial.stats.two_sample import get_test


def sample_p(first: np.ndarray, second: np.ndarray, variant: str) -> float:
    """Return the P of two samples, with or without ties, under any variant; exact variants are conditional on the ties."""
    test = get_test("normal").compare(first, second)
    ranks, tie_sum = midrank_columns(np.concatenate([first, second])[:, None])
    if variant not in EXACT:
        return float(rank_sum_p(test.u, test.n_first, test.n_second, variant, tie_sum[0]))
    labels = np.arange(ranks.size) < first.size
    p = exact_p(ranks[:, 0], labels)
    return p if variant == "exact" else (p + exact_p(ranks[:, 0], labels, farther=True)) / 2


def simulate_paper(rng: np.random.Generator, variant: str, *, tied: bool, count: int = 20) -> list[ReportedP]:
    """Return the P-values of one paper: normal and skewed variables, groups of 8 to 40, small to large effects.

    Parameters
    ----------
    rng : numpy Generator
    variant : key of VARIANTS
    tied : bool
        Record the values in steps of a twentieth to a third of their standard deviation, and report the step and the
        quartiles with the P-value; otherwise the P-values are marked as free of ties.
    """
    p_values = []
    while len(p_values) < count:
        n_first, n_second = (int(n) for n in rng.integers(8, 41, 2))
        values = rng.normal(size=n_first + n_second)
        values[:n_first] += rng.normal(scale=0.5)
        if rng.random() < 0.5:
            values = np.exp(values)
        step = float(rng.choice([0.05, 0.1, 0.3])) if tied else 0.0
        if tied:
            values = np.round(values / step) * step
        first, second = values[:n_first], values[n_first:]
        p = sample_p(first, second, variant)
        if p < 0.0005:
            continue
        groups = tuple(_summarise_quartiles(sample) for sample in (first, second))
        ties = estimate_ties(step, *groups, n_first, n_second) if tied else NO_TIES
        reported = parse_number(f"{round_decimal(p, 3):f}")
        name = f"claim {len(p_values) + 1}"
        p_values.append(ReportedP(name, "=", reported, (n_first, n_second), groups, ties=ties, variable=name))
    return p_values


def _summarise_quartiles(sample: np.ndarray) -> Group:
    values = quantile(sample, np.array([0.25, 0.5, 0.75]), type=7)
    return {name: parse_number(f"{value:.2f}") for name, value in zip(("q1", "median", "q3"), values, strict=True)}


def calibrate(variant: str, *, tied: bool, papers: int, seed: int, count: int = 20) -> dict[str, float]:
    """Return how often the inferred variant is the true one, and how often a paper without errors gets an impossible P.

    ``right_family`` ignores the continuity correction: with ties U moves in halves, and a correction of half a unit maps
    the lattice onto itself, so that P-values do not show it.
    """
    rng = np.random.default_rng(seed)
    right = family = accused = sure_and_wrong = 0
    for _ in range(papers):
        p_values = simulate_paper(rng, variant, tied=tied, count=count)
        inference = infer_convention(p_values)
        right += inference.variant == variant
        family += inference.variant.removesuffix("_continuity") == variant.removesuffix("_continuity")
        sure_and_wrong += inference.variant != variant and inference.scores[0].probability > 0.9
        convention = inference.variant, inference.possible
        accused += any(assess_p(p, inference.numbers[p.claim], *convention).status == NEITHER for p in p_values)
    return {
        "papers": papers,
        "right": right / papers,
        "right_family": family / papers,
        "sure_and_wrong": sure_and_wrong / papers,
        "accused": accused / papers,
    }
