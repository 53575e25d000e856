"""Bounds: formulas, tightness, and coverage over every training set of enumerated finite classes."""

from itertools import product

import numpy as np
import pytest

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    CountErrorDensity,
    PerceptronErrorDensity,
    SampledErrorDensity,
    bad_fraction_bound,
    log_annealed_bad_fraction,
    pac_bayes_bound,
    uniform_zero_error_bound,
    zero_error_bound,
)


def test_bad_fraction_bound_is_the_minimum_over_eps0():
    # by brute force on a fine grid of eps0
    for density in (BetaErrorDensity(3, 8, 0.05), PerceptronErrorDensity(12)):
        eps0 = np.linspace(density.minimum, 0.3, 200_001)[1:]
        log_mass = np.interp(eps0, eps0[199::200], density.log_cdf(eps0[199::200]))
        for n in (5.0, 80.0, 900.0):
            brute = density.log_sf(0.3) - np.max(log_mass + n * np.log((1 - eps0) / (1 - 0.3)))
            bound = bad_fraction_bound(density, n=n, eps=0.3)
            assert bound == pytest.approx(min(brute, 0), rel=1e-4, abs=1e-6)
            assert bound >= log_annealed_bad_fraction(density, n=n, eps=0.3)


def test_bad_fraction_bound_of_atoms():
    density = AtomicErrorDensity([0.05, 0.1, 0.3, 0.6], [1e-6, 0.01, 0.5, 0.49])
    n = np.array([0.0, 30.0, 3000.0])
    total = 1e-6 + 0.01 + 0.5 + 0.49
    by_hand = [
        np.log(0.99 / total) - max(np.log(mass / total) + m * np.log((1 - e) / 0.8) for e, mass in below)
        for m in n
        for below in [[(0.05, 1e-6), (0.1, 1e-6 + 0.01)]]
    ]
    np.testing.assert_allclose(bad_fraction_bound(density, n=n, eps=0.2), np.minimum(by_hand, 0), rtol=1e-12)
    # no classifier that bad, or none good enough to compare with
    assert bad_fraction_bound(density, n=10, eps=0.7) == -np.inf
    assert bad_fraction_bound(density, n=10, eps=0.01) == 0


def test_bad_fraction_bound_at_extremes():
    density = PerceptronErrorDensity(20)
    n = np.array([1e6, 1e12])
    bound = bad_fraction_bound(density, n=n, eps=0.25)
    exact = log_annealed_bad_fraction(density, n=n, eps=0.25)
    assert np.all(bound >= exact)
    # the bound has the exact rate; what it loses is one power of n and a constant
    np.testing.assert_allclose(bound - exact, np.log(n), atol=10)


def test_bound_refuses_what_it_does_not_hold_for():
    with pytest.raises(ValueError, match="density must hold true errors"):
        bad_fraction_bound(CountErrorDensity([1] * 40, 10), n=1, eps=0.5)
    with pytest.raises(ValueError, match="n must be at most"):
        bad_fraction_bound(SampledErrorDensity(np.linspace(0.1, 0.5, 50)), n=1e6, eps=0.3)


def test_zero_error_bound_formula():
    assert zero_error_bound(-50.0, 200, 0.05, 0.01) == pytest.approx(1 - np.exp(-(np.log(2000) + 50) / 200))
    assert zero_error_bound(0.0, 100, 1.0, 1.0) == 0
    assert zero_error_bound(-np.inf, 100, 0.05, 1.0) == 1
    assert zero_error_bound(-3.0, 0, 0.05, 1.0) == 1
    levels = zero_error_bound(np.array([-10.0, -20.0])[:, None], [100, 1000, 1e12], 0.1, 0.5)
    assert levels.shape == (2, 3)
    assert np.all(np.diff(levels, axis=1) < 0)
    assert np.all(levels[1] > levels[0])


def test_pac_bayes_formula():
    # kl(0||r) = -ln(1-r) = (KL + ln(2 sqrt(n)/delta))/n
    r = pac_bayes_bound(-40.0, 300, 0.05)
    assert -np.log1p(-r) * 300 == pytest.approx(40 + np.log(2 * np.sqrt(300) / 0.05), rel=1e-12)
    assert r > zero_error_bound(-40.0, 300, 0.05, 1.0)


class Enumeration:
    """Every sequence of n points out of a few, and error patterns on these points with prior masses."""

    def __init__(self, wrong, prior, points, n):
        self.wrong, self.prior = np.asarray(wrong, dtype=bool), np.asarray(prior) / np.sum(prior)
        self.points = np.asarray(points) / np.sum(points)
        self.errors = self.wrong @ self.points
        self.sets = np.array(list(product(range(len(self.points)), repeat=n)))
        self.weights = self.points[self.sets].prod(axis=1)
        self.n = n

    def alive(self, n):
        """Whether each classifier makes no error on the first n examples, shape (sets, classifiers)."""
        return ~self.wrong[:, self.sets[:, :n]].any(axis=2).T

    def violated(self, levels, alive, tau):
        """Whether more than a fraction tau of the survivors err more than the level, per set."""
        mass = alive @ self.prior
        bad = (alive & (self.errors[None, :] > levels[:, None] + 1e-12)) @ self.prior
        return (mass > 0) & (bad > tau * mass * (1 + 1e-12))


def _classes():
    rng = np.random.default_rng(4)
    every_labelling = np.array(list(product([0, 1], repeat=4)))
    yield Enumeration(every_labelling, np.ones(16), np.ones(4), 5)
    yield Enumeration(every_labelling, rng.dirichlet(np.full(16, 0.3)), [1, 2, 3, 6], 5)
    yield Enumeration(rng.random((40, 6)) < 0.4, rng.dirichlet(np.full(40, 0.2)), np.ones(6), 4)
    # one good classifier that is rare beside many bad ones: training sets where bad ones survive alone
    yield Enumeration([[0, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], [1, 900, 99], np.ones(5), 5)


@pytest.mark.parametrize("case", list(_classes()), ids=["all", "weighted", "random", "rare"])
@pytest.mark.parametrize("delta", [0.02, 0.1, 0.3])
def test_zero_error_bound_covers_for_all_tau_and_n_at_once(case, delta):
    taus = np.concatenate([[1e-6], np.linspace(0.02, 1, 25)])
    exception = np.zeros(len(case.sets), dtype=bool)
    mean_exception, grid_exception, pac_exception = exception.copy(), exception.copy(), exception.copy()
    for n in range(1, case.n + 1):
        alive = case.alive(n)
        mass = alive @ case.prior
        with np.errstate(divide="ignore", invalid="ignore"):
            log_mass = np.log(mass)
            mean = (alive * case.prior) @ case.errors / mass
        for tau in taus:
            exception |= case.violated(zero_error_bound(log_mass, n, delta, tau), alive, tau)
            if n == case.n:
                grid_level = uniform_zero_error_bound(log_mass, n, delta, tau)
                assert np.all(grid_level >= zero_error_bound(log_mass, n, delta, tau))
                grid_exception |= case.violated(grid_level, alive, tau)
        mean_exception |= mean > zero_error_bound(log_mass, n, delta, 1.0) + 1e-12
        if n == case.n:
            pac_exception |= mean > pac_bayes_bound(log_mass, n, delta) + 1e-12
    for which in (exception, mean_exception, grid_exception, pac_exception):
        assert case.weights @ which <= delta * (1 + 1e-12)


def test_zero_error_bound_cannot_be_sharpened():
    # one bad classifier holds nearly all the mass, and survives n examples with a probability just beside
    # delta tau: it is then nearly all of H(S), and the exception is as probable as delta allows
    error, n, good = 0.5, 4, 1e-3
    case = Enumeration([[0, 0], [0, 1]], [good, 1 - good], np.ones(2), n)
    assert case.errors[1] == error
    tau = 1 - 2 * good
    alive = case.alive(n)
    log_mass = np.log(alive @ case.prior)

    def exceptions(delta):
        return case.weights @ case.violated(zero_error_bound(log_mass, n, delta, tau), alive, tau)

    delta = (1 - error) ** n / tau
    assert exceptions(delta * 0.999) == 0
    assert 0.99 * delta < exceptions(delta * 1.001) <= delta


def test_the_grid_costs_little():
    direct = zero_error_bound(-93.0, 256, 0.05, 0.01)
    uniform = uniform_zero_error_bound(-93.0, 256, 0.05, 0.01)
    assert direct < uniform < 1.2 * direct
    assert uniform_zero_error_bound(-np.inf, 256, 0.05, 0.01) == 1
    np.testing.assert_array_equal(
        uniform_zero_error_bound([-1.0, -5.0], 100, 0.1, 0.5),
        [uniform_zero_error_bound(value, 100, 0.1, 0.5) for value in (-1.0, -5.0)],
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zero_error_bound(0.5, 10, 0.1, 0.1), "log_fraction must be at most 0, got 0.5"),
        (lambda: zero_error_bound(np.nan, 10, 0.1, 0.1), "log_fraction must be at most 0, got nan"),
        (lambda: zero_error_bound(-1, -1, 0.1, 0.1), "n must be finite and at least 0, got -1"),
        (lambda: zero_error_bound(-1, 10, 0.0, 0.1), r"delta must be in \(0, 1\], got 0"),
        (lambda: zero_error_bound(-1, 10, 0.1, 1.1), r"tau must be in \(0, 1\], got 1.1"),
        (lambda: uniform_zero_error_bound(-1, 10, 1.0, 0.1), r"delta must be in \(0, 1\) for the grid"),
        (lambda: uniform_zero_error_bound(-1, 10, 0.1, 0.1, ratio=1.0), "ratio must be finite and above 1"),
        (lambda: pac_bayes_bound(-1, 0.5, 0.1), "n must be at least 1, got 0.5"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
