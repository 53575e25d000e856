"""ln B and ln I_x against mpmath and closed forms, from the bulk to exp(-1e12)."""

import mpmath as mp
import numpy as np
import pytest

from genlaws.theory.incomplete_beta import log_beta, log_incomplete_beta


@pytest.mark.parametrize(
    ("a", "b"),
    [(2, 5), (0.01, 3), (0.3, 1e12), (9.9, 10.1), (15, 15), (20, 1e5), (1e6, 3e6), (1e12, 1e12), (5, 0.5)],
)
def test_log_beta_matches_mpmath(a, b):
    with mp.workdps(50):
        exact = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(mp.mpf(a) + b)
        assert abs(float((log_beta(a, b) - exact) / exact)) < 3e-15
    assert log_beta(a, b) == log_beta(b, a)


def _by_series(a, b, x):
    """ln I_x(a, b) from the hypergeometric series of positive terms."""
    a, b, x = mp.mpf(a), mp.mpf(b), mp.mpf(x)
    front = a * mp.log(x) + b * mp.log1p(-x) - mp.log(a)
    beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    return front - beta + mp.log(mp.hyp2f1(1, a + b, a + 1, x))


@pytest.mark.parametrize(
    ("a", "b", "x"),
    [
        (2, 5, 0.3),
        (2, 1e12, 1e-12),
        (2, 1e12, 1e-15),
        (50, 50, 1e-8),
        (1e3, 10, 0.6),
        (3e4, 1e4, 0.7),
        (1e5, 1e5, 0.3),
        (1e6, 0.5, 0.001),
        (0.02, 3, 1e-200),
    ],
)
def test_log_incomplete_beta_matches_mpmath(a, b, x):
    with mp.workdps(40):
        exact = _by_series(a, b, x)
        value = log_incomplete_beta(a, b, x)
        assert abs(float((mp.mpf(float(value)) - exact) / exact)) < 1e-13


@pytest.mark.parametrize(("b", "x"), [(1e12, 1e-9), (1e12, 0.5), (1e6, 0.9), (1e6, 1e-7), (7.0, 0.999)])
def test_upper_tail_in_closed_form(b, x):
    # 1 - I_x(2, b) = (1 - x)^b (1 + b x)
    value = log_incomplete_beta(b, 2, 1 - x, complement=x)
    exact = b * np.log1p(-x) + np.log1p(b * x)
    assert value == pytest.approx(exact, rel=1e-14)


def test_ends_and_complement():
    x = np.linspace(0, 1, 41)
    low = log_incomplete_beta(3.5, 2.25, x)
    high = log_incomplete_beta(2.25, 3.5, 1 - x, complement=x)
    assert low[0] == -np.inf
    assert low[-1] == 0
    np.testing.assert_allclose(np.logaddexp(low, high), 0, atol=1e-15)
