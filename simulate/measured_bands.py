"""Bands of the learning curve and of the bad fraction that a measured error density foretells, from its runs.

Each run of the splitting gives a curve of its own. A factor that a run got wrong in all its masses cancels in
its curve; what is left scatters from run to run, and Student's t over the runs turns it into a band, wider by
what it takes to hold at all n at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from genlaws.theory.curve_bands import CurveBand
from genlaws.theory.learning_curves import learning_curve, log_annealed_bad_fraction, log_zero_error_fraction
from genlaws.theory.needed_examples import examples_until

from .error_tail import ErrorDensityEnsemble
from .family import FloatArray
from .log_mean import log_normal_mean
from .run_bands import log_band_of_runs

_LARGEST = 1e15  # where the search for a number of examples ends


def _checked(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return confidence


def _curve_over_runs(
    measured: ErrorDensityEnsemble, confidence: float
) -> Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]:
    """Middle and ends of the learning curve as a function of n; the runs are read once."""
    runs = () if measured.error_name == "heldout" else measured.run_densities()

    def at(n: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        curves = np.array([learning_curve(run, n) for run in runs]) if runs else measured.learning_curves(n)
        with np.errstate(divide="ignore"):
            middle, low, high = log_band_of_runs(np.log(np.maximum(curves, 0.0)), n, confidence)
        return np.exp(middle), np.exp(low), np.exp(high)

    return at


def largest_measured_n(measured: ErrorDensityEnsemble) -> float:
    """Largest number of examples that every run of a measured density supports.

    Parameters
    ----------
    measured : ErrorDensityEnsemble

    Returns
    -------
    float
        ``inf`` on a pool, whose left end is known; on m held-out points m - 1.

    Raises
    ------
    ValueError
        If the population collapsed.
    """
    if measured.error_name == "heldout":
        assert measured.error_resolution is not None
        return measured.error_resolution - 1.0
    return min(float(getattr(density, "largest_n", np.inf)) for density in measured.run_densities())


def measured_learning_curve(
    measured: ErrorDensityEnsemble, *, n: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, CurveBand]:
    """Annealed learning curve that a measured density foretells, with its band over the runs.

    Parameters
    ----------
    measured : ErrorDensityEnsemble
    n : array_like, shape (points,)
        Numbers of examples, real and at least 0 (whole on held-out points).
    confidence : float
        In (0, 1), for all n asked for together.

    Returns
    -------
    middle : ndarray, shape (points,)
        Geometric mean of the runs' curves; their mean where one of them is 0.
    band : CurveBand
        Student's t over the runs, of the logarithm where every run is positive, for all `n` together.

    Raises
    ------
    ValueError
        If an argument is out of its range, an `n` beyond `largest_measured_n`, or the population collapsed.

    Notes
    -----
    How far the runs' curves go together from one n to the next says how much wider the band must be to hold
    at all n asked for than at one of them: not at all where one factor scatters, and in what was measured 1.2
    to 2 times for six runs. Asking for more n between the same ends widens it little. Fewer than six runs
    cannot tell, and pay for each n by itself: 25 of them cost four runs a factor of 3.2, and two runs 25.

    The band covers the chance of the splitting, not the bias of a run of few particles, nor, where errors are
    counted, the draw of the points. [derived]
    """
    level = _checked(confidence)
    sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
    middle, low, high = _curve_over_runs(measured, level)(sizes)
    return middle, CurveBand(sizes, low, high, level)


def measured_examples_needed(
    measured: ErrorDensityEnsemble, error: float, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Number of examples that a wanted mean error takes by a measured density, and its range.

    Parameters
    ----------
    measured : ErrorDensityEnsemble
    error : float
        Wanted mean error, in [0, 1].
    confidence : float
        In (0, 1), of this range by itself.

    Returns
    -------
    middle, low, high : float
        Where the curve comes down to `error`, and the two ends of its band for one n; ``inf`` where they do
        not within `largest_measured_n`.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the population collapsed.

    Notes
    -----
    Where the ends of the band fall with n, as the curve does, the range misses the true number only if the
    band misses the curve there, at that one n. So it takes no more than the band of `measured_learning_curve`
    for a single n, and is narrower than what is read off a band for many.
    """
    largest = min(largest_measured_n(measured), _LARGEST)
    at = _curve_over_runs(measured, _checked(confidence))
    return (
        examples_until(lambda n: float(at(np.array([n]))[0][0]), error, largest=largest),
        examples_until(lambda n: float(at(np.array([n]))[1][0]), error, largest=largest),
        examples_until(lambda n: float(at(np.array([n]))[2][0]), error, largest=largest),
    )


def measured_bad_fraction(
    measured: ErrorDensityEnsemble, *, n: ArrayLike, eps: float, confidence: float = 0.95
) -> tuple[FloatArray, CurveBand]:
    """Annealed fraction of bad global minima that a measured density foretells, with its band over the runs.

    Parameters
    ----------
    measured, n, confidence
        As in `measured_learning_curve`, with whose band this one does not hold together.
    eps : float
        Error level in [0, 1).

    Returns
    -------
    middle : ndarray, shape (points,)
    band : CurveBand
        Natural logarithms, at most 0; minus infinity where no run has any. For all `n` together.

    Raises
    ------
    ValueError
        As `measured_learning_curve`, and for errors counted on held-out points.
    """
    level = _checked(confidence)
    sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
    runs = [log_annealed_bad_fraction(density, n=sizes, eps=eps) for density in measured.run_densities()]
    middle, low, high = log_band_of_runs(np.array(runs), sizes, level)
    return middle, CurveBand(sizes, low, high, level)


def measured_log_fraction(measured: ErrorDensityEnsemble, *, n: ArrayLike) -> FloatArray:
    """Ln Z_n, the annealed fraction of classifiers without training error, averaged over the runs.

    Parameters
    ----------
    measured : ErrorDensityEnsemble
    n : array_like, shape (points,)

    Returns
    -------
    ndarray, shape (points,)
        Nats, at most 0.

    Raises
    ------
    ValueError
        As `measured_bad_fraction`.
    """
    sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
    runs = [log_zero_error_fraction(density, sizes) for density in measured.run_densities()]
    return np.minimum(log_normal_mean(np.array(runs))[0], 0.0)
