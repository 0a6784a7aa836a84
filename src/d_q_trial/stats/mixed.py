"""Repeated measures: a linear mixed model with a random intercept per participant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from .estimate import Estimate, t_estimate


class RandomIntercept(NamedTuple):
    """A fitted model; see :func:`random_intercept`."""

    coefficients: np.ndarray
    covariance: np.ndarray
    residual_variance: float
    participant_variance: float
    n_values: int
    n_participants: int
    products: tuple

    def contrast(self, weights: ArrayLike, *, confidence: float) -> Estimate:
        """Estimate a combination of coefficients, with Satterthwaite's degrees of freedom.

        The variance c of the combination depends on the two variance components; df = 2 c^2 / var(c), where var(c)
        follows from the gradient of c and the curvature of the restricted likelihood. R: ``lmerTest::contest1D``. If
        the participants' variance is estimated as 0, the df are those of least squares.
        """
        weights = np.asarray(weights, dtype=float)
        variance = float(weights @ self.covariance @ weights)
        return t_estimate(
            weights @ self.coefficients, np.sqrt(variance), self._df(weights, variance), confidence=confidence
        )

    def _df(self, weights: np.ndarray, variance: float) -> float:
        residual, participant = self.residual_variance, self.participant_variance
        if participant <= 1e-9 * residual:
            return float(self.n_values - self.coefficients.size)

        def deviance(point: np.ndarray) -> float:
            return _deviance(self.products, *point)[0]

        def contrast_variance(point: np.ndarray) -> float:
            return weights @ _deviance(self.products, *point)[1] @ weights

        point = np.array([residual, participant])
        steps = 1e-3 * np.array([residual, max(participant, 1e-2 * residual)])
        steps[1] = min(steps[1], participant / 2)
        shift = np.diag(steps)
        gradient = np.array(
            [(contrast_variance(point + s) - contrast_variance(point - s)) / (2 * s.sum()) for s in shift]
        )
        hessian = np.empty((2, 2))
        for i, a in enumerate(shift):
            for j, b in enumerate(shift):
                corners = deviance(point + a + b) - deviance(point + a - b)
                corners += deviance(point - a - b) - deviance(point - a + b)
                hessian[i, j] = corners / (4 * a.sum() * b.sum())
        # The deviance is -2 log L: twice the inverse of its curvature is the covariance of the components.
        spread = gradient @ (2 * np.linalg.inv(hessian)) @ gradient
        return float(2 * variance**2 / spread) if spread > 0 else np.nan


def random_intercept(design: ArrayLike, response: ArrayLike, participant: ArrayLike) -> RandomIntercept:
    """Fit ``response = design @ b + intercept of the participant + residual`` by restricted maximum likelihood.

    Every two values of a participant then share the same correlation. Values that are missing are left out, not
    the participant: the fit is valid if the reason depends on nothing but the values that were seen.

    Parameters
    ----------
    design : array of float, shape (n, k)
        A row per participant and visit. Rows with NaN here or in the response are left out.
    response : array of float, shape (n,)
    participant : array, shape (n,)
        Whose row it is.

    Raises
    ------
    ValueError
        If the columns of the design are linearly dependent, or no participant has more than one value.

    References
    ----------
    Laird and Ware (1982). R: ``lmerTest::lmer(response ~ ... + (1 | participant))``.
    """
    design = np.asarray(design, dtype=float)
    response = np.asarray(response, dtype=float)
    present = ~np.isnan(response) & ~np.isnan(design).any(axis=1)
    design, response = design[present], response[present]
    _, group = np.unique(np.asarray(participant)[present], return_inverse=True)
    n, k = design.shape
    if n <= k or np.linalg.matrix_rank(design) < k:
        raise ValueError("mixed model: linearly dependent columns, or too few values")
    sizes = np.bincount(group)
    if sizes.max() < 2:
        raise ValueError("mixed model: no participant has more than one value")
    sums = np.zeros((sizes.size, k + 1))
    joined = np.column_stack([design, response])
    np.add.at(sums, group, joined)
    products = (joined.T @ joined, sums, sizes, n)

    def profile(share: float) -> float:
        ratio = share / (1 - share)
        residual = _residual_variance(products, ratio)
        return _deviance(products, residual, ratio * residual)[0]

    grid = np.linspace(0, 0.999, 28)
    start = int(np.argmin([profile(share) for share in grid]))
    low, high = grid[max(start - 1, 0)], grid[min(start + 1, grid.size - 1)]
    share = minimize_scalar(profile, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x
    share = 0.0 if profile(0.0) <= profile(share) else float(share)
    ratio = share / (1 - share)
    residual = _residual_variance(products, ratio)
    _, covariance, coefficients = _deviance(products, residual, ratio * residual)
    return RandomIntercept(coefficients, covariance, residual, ratio * residual, n, int(sizes.size), products)


def _weighted(products: tuple, ratio: float) -> np.ndarray:
    """Cross-products of [X y] with the inverse of I + ratio * J in every participant (Sherman and Morrison)."""
    total, sums, sizes, _ = products
    return total - (sums.T * (ratio / (1 + ratio * sizes))) @ sums


def _residual_variance(products: tuple, ratio: float) -> float:
    weighted = _weighted(products, ratio)
    xx, xy, yy = weighted[:-1, :-1], weighted[:-1, -1], weighted[-1, -1]
    n, k = products[3], len(xy)
    return float((yy - xy @ np.linalg.solve(xx, xy)) / (n - k))


def _deviance(products: tuple, residual: float, participant: float) -> tuple[float, np.ndarray, np.ndarray]:
    """-2 log restricted likelihood (up to a constant), the covariance of the coefficients, and the coefficients."""
    ratio = participant / residual
    weighted = _weighted(products, ratio)
    xx, xy, yy = weighted[:-1, :-1], weighted[:-1, -1], weighted[-1, -1]
    _, _, sizes, n = products
    coefficients = np.linalg.solve(xx, xy)
    squares = yy - xy @ coefficients
    deviance = (n - len(xy)) * np.log(residual) + np.log1p(ratio * sizes).sum() + squares / residual
    deviance += np.linalg.slogdet(xx)[1]
    return float(deviance), np.linalg.inv(xx) * residual, coefficients
