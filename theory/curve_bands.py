"""What the errors of a sample of classifiers leave open of their learning curve, without a model.

The distribution function of the error lies, with the wanted confidence, everywhere within one distance of the
sample's (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant). The band is the extreme of the curve over
*all* distribution functions there. Tilting the two edges of that distance would be too narrow: the curve is a
ratio, and at its ends mass is moved at low and at high errors in opposite ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from .argument_checks import error_level, number_of_examples, probability
from .counts import log_survival_of_counts

FloatArray = NDArray[np.float64]

_ROUNDS = 100
_LOWEST = -1e300  # ln of what stands for no survival at all


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Both ends of a curve at each n.

    Attributes
    ----------
    n : ndarray, shape (points,)
    low, high : ndarray, shape (points,)
    confidence : float
        That the curve lies between them at every n at once.
    """

    n: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float


def distribution_distance(classifiers: int, confidence: float) -> float:
    """Distance of a sample's distribution function from the true one that is exceeded rarely.

    Parameters
    ----------
    classifiers : int
        Size of the sample, N.
    confidence : float
        In (0, 1).

    Returns
    -------
    float
        sqrt(ln(2 / (1 - confidence)) / (2 N)) (Massart 1990, Annals of Probability 18, 1269).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> round(distribution_distance(20_000, 0.95), 5)
    0.0096
    """
    if classifiers < 1:
        raise ValueError(f"classifiers must be at least 1, got {classifiers}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * classifiers))


def _quantiles(errors: ArrayLike, confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cells of probability, their widths, and the lowest and highest error that each can have."""
    sample = np.sort(np.atleast_1d(np.asarray(probability("errors", errors), dtype=np.float64)).ravel())
    many = len(sample)
    if many == 0:
        raise ValueError("errors must not be empty")
    distance = distribution_distance(many, confidence)
    steps = np.arange(1, many) / many
    ends = np.concatenate(([distance, 1.0 - distance], steps + distance, steps - distance))
    ends = np.concatenate(([0.0], np.unique(ends[(ends > 0.0) & (ends < 1.0)]), [1.0]))
    middles = 0.5 * (ends[1:] + ends[:-1])
    ranked = np.concatenate(([0.0], sample, [1.0]))
    place = np.ceil(np.stack([middles - distance, middles + distance]) * many).astype(np.intp)
    lowest, highest = ranked[np.clip(place, 0, many + 1)]
    return np.diff(ends), lowest, highest


@dataclass(frozen=True, slots=True)
class _Training:
    """n examples: endless independent ones, or drawn without repeats from `held_out` points."""

    n: float
    held_out: int | None

    def log_survival(self, error: FloatArray) -> FloatArray:
        if self.held_out is not None:
            counts = np.rint(error * self.held_out)
            return log_survival_of_counts(counts, self.held_out, np.asarray(self.n))
        with np.errstate(divide="ignore"):  # ln (1 - E)^n, where 0^0 is 1
            return self.n * np.log1p(-error) if self.n > 0.0 else np.zeros_like(error)

    def error_after(self, error: FloatArray) -> FloatArray:
        """Of a survivor, on what it was not trained on."""
        return error if self.held_out is None else error * (self.held_out / (self.held_out - self.n))

    def gain(self, error: FloatArray, mean: float) -> FloatArray:
        return (self.error_after(error) - mean) * np.exp(self.log_survival(error))

    def top(self, mean: float) -> float:
        """Error at which the gain is largest; it falls to both sides."""
        if self.held_out is None:
            return (1.0 + self.n * mean) / (1.0 + self.n)
        every = np.arange(self.held_out + 1) / self.held_out
        return float(every[np.argmax(self.gain(every, mean))])

    def mean(self, width: FloatArray, error: FloatArray) -> float:
        log_survival = self.log_survival(error)
        mass = width * np.exp(log_survival - max(float(log_survival.max()), _LOWEST))
        total = float(mass.sum())
        return float(mass @ self.error_after(error)) / total if total > 0.0 else 1.0

    def log_mass(self, width: FloatArray, error: FloatArray) -> float:
        if not len(error):
            return -math.inf
        with np.errstate(divide="ignore"):
            return float(logsumexp(np.log(width) + self.log_survival(error)))


def _lowest_mean(width: FloatArray, low: FloatArray, high: FloatArray, training: _Training) -> float:
    mean = training.mean(width, low)
    for _ in range(_ROUNDS):
        gains = [training.gain(error, mean) for error in (low, high)]
        following = training.mean(width, np.where(gains[0] <= gains[1], low, high))
        if not following < mean:
            break
        mean = following
    return mean


def _highest_mean(width: FloatArray, low: FloatArray, high: FloatArray, training: _Training) -> float:
    mean = training.mean(width, high)
    for _ in range(_ROUNDS):
        following = training.mean(width, np.clip(training.top(mean), low, high))
        if not following > mean:
            break
        mean = following
    return mean


def _trainings(n: ArrayLike, held_out: int | None, errors: ArrayLike) -> list[_Training]:
    """What each n stands for, once it is known that errors and n go with the held-out points."""
    counts = np.atleast_1d(number_of_examples(n)).ravel()
    if held_out is not None:
        found = np.asarray(errors, dtype=np.float64) * held_out
        if not (held_out >= 1 and np.allclose(found, np.rint(found), rtol=0.0, atol=1e-3)):
            raise ValueError(f"errors must be whole counts on {held_out} held-out points")
        if np.any((counts >= held_out) | (counts != np.rint(counts))):
            raise ValueError(
                f"n must be whole and below the {held_out} held-out points, got {counts.max():g}"
            )
    return [_Training(float(k), held_out) for k in counts]


def learning_curve_band(
    errors: ArrayLike, *, n: ArrayLike, held_out: int | None = None, confidence: float = 0.95
) -> CurveBand:
    """Band of the annealed learning curve of all classifiers that a sample was drawn from.

    Parameters
    ----------
    errors : array_like, shape (classifiers,)
        True errors of independent draws, in [0, 1].
    n : array_like, shape (points,)
        Numbers of examples, real and at least 0.
    held_out : int, optional
        Errors are shares of so many points, the same for all classifiers; n is then whole and below it.
    confidence : float
        In (0, 1), for all n together.

    Returns
    -------
    CurveBand
        Ends of the mean error of classifiers without training error, at each n.

    Raises
    ------
    ValueError
        If an argument is out of its range, there is no error, or errors are no counts on `held_out` points.

    Notes
    -----
    With `held_out` the curve is that of training sets drawn from these m points without repeats and judged on
    the other m - n: C(m-k, n)/C(m, n) survives in place of (1 - E)^n, and errs on k/(m - n) of them, as in
    `CountErrorDensity`. The band then covers the draw of the classifiers, not that of the m points.

    The curve is ``int E (1-E)^n dF / int (1-E)^n dF`` (arXiv:2410.16868). For a fixed value r of it the
    integral of ``(E - r)(1-E)^n`` over F is linear in F, and the gain rises and then falls with E. So its
    extremes over all F within the distance are found quantile by quantile, and r by Dinkelbach's iteration,
    which ends where the extreme is zero. Nothing bounds how many classifiers have an error below all that
    were drawn but the distance: the low end falls to 0 once these would survive alone.

    Examples
    --------
    >>> errors = np.random.default_rng(0).beta(2.0, 5.0, 10_000)
    >>> band = learning_curve_band(errors, n=[0, 10])
    >>> band.low.round(3), band.high.round(3)
    (array([0.276, 0.104]), array([0.3 , 0.13]))
    """
    trainings = _trainings(n, held_out, errors)
    width, low, high = _quantiles(errors, confidence)
    ends = [(_lowest_mean(width, low, high, k), _highest_mean(width, low, high, k)) for k in trainings]
    lowest, highest = np.array(ends).reshape(-1, 2).T
    return CurveBand(np.array([k.n for k in trainings]), lowest, highest, confidence)


def _log_share(log_bad: float, log_good: float) -> float:
    return -math.inf if log_bad == -math.inf else 0.0 - float(np.logaddexp(0.0, log_good - log_bad))


def bad_fraction_band(
    errors: ArrayLike, *, n: ArrayLike, eps: float, held_out: int | None = None, confidence: float = 0.95
) -> CurveBand:
    """Band of the annealed fraction of bad global minima, those with an error above `eps`.

    Parameters
    ----------
    errors, n, held_out, confidence
        As in `learning_curve_band`, with which it holds together.
    eps : float
        Error level in [0, 1).

    Returns
    -------
    CurveBand
        Natural logarithm of the ends, at most 0; minus infinity where the fraction may be 0.

    Raises
    ------
    ValueError
        As `learning_curve_band`.

    Notes
    -----
    Of what may be on either side of `eps`, the high end has all just above it, the low end all below.
    """
    level = float(error_level(eps))
    trainings = _trainings(n, held_out, errors)
    width, low, high = _quantiles(errors, confidence)
    lowest, highest = [], []
    for training in trainings:
        must, may = (training.error_after(end) > level for end in (low, high))  # be bad
        edge = level
        if held_out is not None:  # the next count that is bad
            edge = min((math.floor(level * (held_out - training.n)) + 1) / held_out, 1.0)
        least_bad = np.maximum(low, edge)
        # at one end what must be bad survives as badly as it can, all else as well; at the other the reverse
        bad, good = training.log_mass(width[must], high[must]), training.log_mass(width[~must], low[~must])
        lowest.append(_log_share(bad, good))
        bad, good = training.log_mass(width[may], least_bad[may]), training.log_mass(width[~may], high[~may])
        highest.append(_log_share(bad, good))
    return CurveBand(np.array([k.n for k in trainings]), np.array(lowest), np.array(highest), confidence)
