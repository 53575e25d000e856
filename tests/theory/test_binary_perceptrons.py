import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, logsumexp
from scipy.stats import norm

from genlaws.theory import (
    binary_perceptron_annealed_error,
    binary_perceptron_annealed_free_entropy,
    binary_perceptron_annealed_spinodal,
    binary_perceptron_annealed_transition,
    binary_perceptron_free_entropy,
    binary_perceptron_gibbs_error,
    binary_perceptron_spinodal,
    binary_perceptron_transition,
)


def free_entropy(q, field, alpha):
    """The replica-symmetric functional at any q and conjugate field, by adaptive quadrature."""
    a = np.sqrt(q / (1 - q))

    def energy(t):
        return 2 * norm.pdf(t) * norm.sf(a * t) * norm.logsf(a * t)

    def entropy(z):
        local = np.sqrt(field) * z + field
        return norm.pdf(z) * np.logaddexp(local, -local)

    exact = {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 200}
    return (
        -field * (1 + q) / 2 + quad(entropy, -10, 10, **exact)[0] + alpha * quad(energy, -10, 10, **exact)[0]
    )


def conjugate_field(q):
    """Solves E tanh(sqrt(field) z + field) = q by a method of its own."""

    def overlap(field):
        return quad(lambda z: norm.pdf(z) * np.tanh(np.sqrt(field) * z + field), -10, 10)[0]

    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if overlap(middle) < q else (low, middle)
    return low


def test_gibbs_table():
    errors = binary_perceptron_gibbs_error([0.25, 0.5, 0.75, 1.0, 1.2])
    assert [f"{error:.4f}" for error in errors] == ["0.4515", "0.4053", "0.3591", "0.3105", "0.2669"]


def test_transitions():
    quenched, annealed = binary_perceptron_transition(), binary_perceptron_annealed_transition()
    printed = [f"{t.alpha:.3f} {t.overlap:.3f} {t.error:.3f}" for t in (quenched, annealed)]
    assert printed == ["1.245 0.694 0.256", "1.448 0.698 0.254"]
    assert 1.49 < binary_perceptron_spinodal().alpha < 1.50
    assert f"{binary_perceptron_annealed_spinodal().alpha:.2f}" == "1.73"
    for place in (quenched, annealed, binary_perceptron_spinodal(), binary_perceptron_annealed_spinodal()):
        assert place.error == pytest.approx(np.arccos(place.overlap) / np.pi)


@pytest.mark.parametrize("alpha", [0.1, 0.7, 1.2])
def test_free_entropy_is_stationary_in_both_order_parameters(alpha):
    q = np.cos(np.pi * binary_perceptron_gibbs_error(alpha))
    field = conjugate_field(q)
    assert binary_perceptron_free_entropy(alpha) == pytest.approx(free_entropy(q, field, alpha), abs=1e-10)
    step = 1e-3
    for dq, dfield in [(step, 0), (0, step)]:
        up = free_entropy(q + dq, field + dfield, alpha)
        down = free_entropy(q - dq, field - dfield, alpha)
        assert abs(up - down) / (2 * step) < 1e-5
        # the derivative is not flat everywhere: away from the solution the test would fail
        away = 0.05
        up = free_entropy(q + away + dq, field + dfield, alpha)
        down = free_entropy(q + away - dq, field - dfield, alpha)
        if dq:
            assert abs(up - down) / (2 * step) > 1e-3


def test_branches_end_where_nothing_but_the_teacher_is_left():
    place = binary_perceptron_transition()
    assert free_entropy(place.overlap, conjugate_field(place.overlap), place.alpha) == pytest.approx(
        0, abs=1e-9
    )
    edge = place.alpha * (1 + np.array([-1e-6, 1e-6]))
    entropy, error = binary_perceptron_free_entropy(edge), binary_perceptron_gibbs_error(edge)
    assert 0 < entropy[0] < 1e-5
    assert entropy[1] == error[1] == 0
    assert error[0] == pytest.approx(place.error, abs=1e-4)


def test_beyond_the_spinodal_there_is_no_branch():
    # stationary overlaps at alpha are the zeros of conjugate field - pull of the examples
    def pulls(alpha, q):
        a = np.sqrt(q / (1 - q))
        slope = quad(lambda t: 2 * norm.pdf(t) * norm.sf(a * t) * norm.logsf(a * t), -10, 10)[0]
        step = 1e-4
        b = np.sqrt((q + step) / (1 - q - step))
        above = quad(lambda t: 2 * norm.pdf(t) * norm.sf(b * t) * norm.logsf(b * t), -10, 10)[0]
        return 2 * alpha * (above - slope) / step - conjugate_field(q + step / 2)

    place = binary_perceptron_spinodal()
    near = place.overlap + np.array([-0.1, -0.02, 0.0, 0.02, 0.06])
    assert min(pulls(place.alpha + 0.01, q) for q in near) > 0
    assert pulls(place.alpha - 0.01, place.overlap) < 0


def test_annealed_curve_against_a_sum_over_all_overlaps():
    N = 20_000
    k = np.arange(N + 1)
    log_count = gammaln(N + 1) - gammaln(k + 1) - gammaln(N - k + 1)
    E = np.arccos(1 - 2 * k / N) / np.pi
    for alpha in (0.2, 0.8, 1.3, 1.44, 1.46, 1.6):
        with np.errstate(divide="ignore"):
            log_mass = log_count + alpha * N * np.log1p(-E)
        total = logsumexp(log_mass)
        # a Gaussian peak of weight one: no correction but O(1/N)
        assert binary_perceptron_annealed_free_entropy(alpha) == pytest.approx(total / N, abs=5 / N)
        mean_error = np.exp(log_mass - total) @ E
        assert binary_perceptron_annealed_error(alpha) == pytest.approx(mean_error, abs=20 / N)


def test_ends_and_order():
    assert binary_perceptron_gibbs_error(0.0) == 0.5
    assert binary_perceptron_free_entropy(0.0) == pytest.approx(np.log(2), rel=1e-14)
    slope = (binary_perceptron_free_entropy(1e-6) - np.log(2)) / 1e-6
    assert slope == pytest.approx(-np.log(2), rel=1e-5)
    alpha = np.linspace(0.01, 2.0, 200)
    gibbs, annealed = binary_perceptron_gibbs_error(alpha), binary_perceptron_annealed_error(alpha)
    assert np.all(gibbs <= annealed)
    assert np.all(np.diff(gibbs) <= 0)
    assert np.all(binary_perceptron_free_entropy(alpha) <= binary_perceptron_annealed_free_entropy(alpha))


@pytest.mark.parametrize(
    "curve",
    [
        binary_perceptron_gibbs_error,
        binary_perceptron_annealed_error,
        binary_perceptron_free_entropy,
        binary_perceptron_annealed_free_entropy,
    ],
)
def test_shapes_and_refusals(curve):
    assert isinstance(curve(alpha=1.0), float)
    assert curve([[0.1, 2.0]]).shape == (1, 2)
    with pytest.raises(ValueError, match="alpha must be finite and at least 0, got nan"):
        curve(np.nan)
