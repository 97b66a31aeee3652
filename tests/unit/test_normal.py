"""The standard normal distribution against SciPy's."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from pdsim._normal import quantile, share_below


def test_quantiles_are_those_of_scipy_to_the_last_digits():
    shares = np.concatenate([10.0 ** -np.arange(1, 300), np.linspace(0.0, 1.0, 10001), 1.0 - 2.0 ** -np.arange(1, 53)])
    np.testing.assert_allclose(quantile(shares), ndtri(shares), rtol=2e-15, atol=1e-16)


def test_a_share_of_nothing_and_of_all_is_infinitely_far_out():
    np.testing.assert_array_equal(quantile([[0.0, 1.0], [0.5, np.nan]]), [[-np.inf, np.inf], [0.0, np.nan]])


def test_shares_are_those_of_scipy():
    scores = np.concatenate([np.linspace(-36.0, 9.0, 5000), [-np.inf, np.inf, np.nan]])
    # SciPy's own tail is good to twelve digits
    np.testing.assert_allclose(share_below(scores), ndtr(scores), rtol=1e-12)
    np.testing.assert_allclose(share_below(quantile(0.3)), 0.3, rtol=1e-15)
