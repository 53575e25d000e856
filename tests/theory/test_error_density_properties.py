"""What holds for every error density, on densities of random shape."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    BinaryPerceptronErrorDensity,
    ErrorDensity,
    ExponentialEdgeErrorDensity,
    PerceptronErrorDensity,
    PowerEdgeErrorDensity,
    TabulatedErrorDensity,
    TruncatedGaussianErrorDensity,
    bad_fraction_bound,
    learning_curve,
    log_annealed_bad_fraction,
    log_zero_error_fraction,
)
from genlaws.theory.strategies import error_densities

densities = error_densities(
    BetaErrorDensity,
    PowerEdgeErrorDensity,
    ExponentialEdgeErrorDensity,
    TruncatedGaussianErrorDensity,
    PerceptronErrorDensity,
    BinaryPerceptronErrorDensity,
    AtomicErrorDensity,
    TabulatedErrorDensity,
).filter(lambda density: getattr(density, "largest_n", np.inf) == np.inf)
numbers = st.one_of(st.just(0.0), st.floats(1e-2, 1e12))
levels = st.floats(0.0, 0.99)


@given(densities, st.lists(numbers, min_size=2, max_size=6))
@settings(max_examples=100, deadline=None)
def test_learning_curve_never_rises_and_stays_in_the_support(density, n):
    n = np.sort(n)
    curve = learning_curve(density, n)
    assert np.all(np.diff(curve) <= 1e-12 * curve[:-1])
    assert np.all((curve >= density.minimum * (1 - 1e-15)) & (curve <= density.maximum * (1 + 1e-12)))
    assert isinstance(density, ErrorDensity)


@given(densities, st.floats(0, 1e4))
@settings(max_examples=100, deadline=None)
def test_learning_curve_is_the_loss_of_surviving_mass(density, n):
    Z = log_zero_error_fraction(density, [n, n + 1])
    mean = learning_curve(density, n)
    if mean < 1:
        assert Z[1] - Z[0] == pytest.approx(np.log1p(-mean), rel=1e-9, abs=1e-9)


@given(densities)
@settings(max_examples=60, deadline=None)
def test_surviving_mass_is_the_product_of_survivals(density):
    curve = learning_curve(density, np.arange(20))
    if np.all(curve < 1):
        Z = log_zero_error_fraction(density, 20)
        assert pytest.approx(np.sum(np.log1p(-curve)), rel=1e-9, abs=1e-8) == Z


@given(densities, numbers, numbers, levels)
@settings(max_examples=100, deadline=None)
def test_tilts_compose_and_answer_alike(density, a, b, eps):
    twice = density.given_zero_errors(a).given_zero_errors(b)
    once = density.given_zero_errors(a + b)
    if isinstance(density, BetaErrorDensity):  # b + n is the parameter itself, and rounds
        assert twice.b == pytest.approx(once.b, rel=1e-15)
    else:
        assert twice == once
    assert once.mean() == pytest.approx(learning_curve(density, a + b), rel=1e-12)
    direct = log_annealed_bad_fraction(density, n=a + b, eps=eps)
    assert once.log_sf(eps) == pytest.approx(direct, rel=1e-9, abs=1e-12)
    assert density.given_zero_errors(a).log_zero_error_fraction(b) == pytest.approx(
        log_zero_error_fraction(density, a + b) - log_zero_error_fraction(density, a), rel=1e-9, abs=1e-4
    )


@given(densities, numbers, levels)
@settings(max_examples=100, deadline=None)
def test_bound_holds_and_fractions_are_fractions(density, n, eps):
    exact = log_annealed_bad_fraction(density, n=n, eps=eps)
    bound = bad_fraction_bound(density, n=n, eps=eps)
    assert exact <= bound + 1e-11 * max(1.0, abs(bound)) if np.isfinite(bound) else exact == bound
    assert bound <= 0
    assert exact <= 0


@given(densities, numbers, levels)
@settings(max_examples=100, deadline=None)
def test_distribution_and_complement_add_up(density, n, E):
    tilted = density.given_zero_errors(n)
    assert np.logaddexp(tilted.log_cdf(E), tilted.log_sf(E)) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize(
    "density",
    [
        BetaErrorDensity(2.5, 4, 0.1),
        PowerEdgeErrorDensity(1.5, 0.05, 0.6),
        ExponentialEdgeErrorDensity(20.0, 0.1, 0.6),
        TruncatedGaussianErrorDensity(0.4, 0.1, 0.05),
        PerceptronErrorDensity(9),
        TabulatedErrorDensity([0.1, 0.3, 0.5, 0.8], log_density=[-3.0, 1.0, 1.2, -4.0], edge_exponent=2.0),
        BinaryPerceptronErrorDensity(11),
    ],
    ids=lambda density: type(density).__name__,
)
@pytest.mark.parametrize("n", [0.0, 3.5, 200.0])
def test_slope_of_the_curve_is_the_variance(density, n):
    # <E>_{n+1} - <E>_n = -Var_n(E) / (1 - <E>_n) exactly; the variance by summing or integrating Q itself
    tilted = density.given_zero_errors(n)
    if tilted.atoms is not None:
        mass = np.exp(tilted.log_pdf(tilted.atoms))
        variance = mass @ (tilted.atoms - tilted.mean()) ** 2
    else:
        cuts = tilted.quantile([0.01, 0.1, 0.5, 0.9, 0.999])
        cuts = np.unique(np.concatenate([[density.minimum, density.maximum], cuts, [0.1, 0.3, 0.5]]))
        cuts = cuts[(cuts >= density.minimum) & (cuts <= density.maximum)]
        nodes, weights = np.polynomial.legendre.leggauss(80)
        parts = []
        for low, high in pairwise(cuts):
            # squared nodes crowd at the left end, where the density may rise like a broken power
            E = low + (high - low) * ((nodes + 1) / 2) ** 2
            slope = (high - low) * (nodes + 1) / 2
            parts.append(weights * slope @ ((E - tilted.mean()) ** 2 * np.exp(tilted.log_pdf(E))))
        variance = sum(parts)
    curve = learning_curve(density, [n, n + 1])
    assert (curve[0] - curve[1]) * (1 - curve[0]) == pytest.approx(variance, rel=1e-7)


def test_broadcasting_and_scalars():
    density = PerceptronErrorDensity(12)
    grid = log_annealed_bad_fraction(density, n=np.array([1, 10, 100])[:, None], eps=[0.1, 0.3])
    assert grid.shape == (3, 2)
    assert bad_fraction_bound(density, n=np.array([1, 10, 100])[:, None], eps=[0.1, 0.3]).shape == (3, 2)
    scalar = log_annealed_bad_fraction(density, n=10, eps=0.3)
    assert isinstance(scalar, float)
    assert scalar == pytest.approx(grid[1, 1], rel=1e-13)
    assert isinstance(learning_curve(density, 3), float)
    assert learning_curve(density, []).shape == (0,)
