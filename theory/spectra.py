"""`KernelSpectrum`: eigenvalues of deep tangent kernels, and what of the labels reaches other inputs.

Of m inputs, pairwise equally correlated, the tangent kernel has p_aa on the diagonal and else p_ab: once the
eigenvalue p_aa + (m - 1) p_ab, and m - 1 times the bulk, p_aa - p_ab. A layer that averages d pixels, all as
correlated as different inputs are, makes the diagonal p_aa / d + (1 - 1/d) p_ab: the bulk is divided by d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .argument_checks import between, probability, whole
from .mean_field import MeanField
from .two_points import TwoPointKernels, slope_power, two_point_kernels

FloatArray = NDArray[np.float64]
Depths = Sequence[int] | NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class KernelSpectrum:
    """Extreme eigenvalues of a tangent kernel by depth.

    Logarithms are kept where the numbers leave the range of floats.

    Attributes
    ----------
    depths : ndarray of int, shape (depths,)
        Layers of weights.
    largest : ndarray, shape (depths,)
        lambda_max.
    log_bulk : ndarray, shape (depths,)
        ln lambda_bulk of all other eigenvalues, the smallest of which is the same.
    log_excess : ndarray, shape (depths,)
        ln(kappa - 1), with the condition number kappa = largest / bulk.
    """

    depths: NDArray[np.int64]
    largest: FloatArray
    log_bulk: FloatArray
    log_excess: FloatArray

    @property
    def bulk(self) -> FloatArray:
        """lambda_bulk, shape (depths,); 0 where it underflows."""
        made: FloatArray = np.exp(self.log_bulk)
        return made

    @property
    def log_condition_number(self) -> FloatArray:
        """ln kappa, shape (depths,)."""
        made: FloatArray = np.logaddexp(0.0, self.log_excess)
        return made

    @property
    def condition_number(self) -> FloatArray:
        """kappa, shape (depths,); infinite where it overflows."""
        with np.errstate(over="ignore"):
            made: FloatArray = 1.0 + np.exp(self.log_excess)
        return made

    @property
    def largest_learning_rate(self) -> FloatArray:
        """2 / lambda_max, shape (depths,): of gradient descent on the sum of (f - y)^2 / 2 over examples."""
        return 2.0 / self.largest


def _counts(points: int, window: int) -> tuple[float, float]:
    return float(whole("points", points, least=2)), float(whole("window", window, least=1))


def _without_dropout(mean_field: MeanField) -> None:
    if mean_field.keep < 1.0:
        raise ValueError(f"mean_field must be without dropout, got keep {mean_field.keep:g}")


def kernel_spectrum(kernels: TwoPointKernels, points: int, *, window: int = 1) -> KernelSpectrum:
    """Spectrum of the tangent kernel of inputs of pairwise equal correlation, exact at every depth.

    Parameters
    ----------
    kernels : TwoPointKernels
        Of a single correlation, at which inputs of depth l have no negative kernel.
    points : int
        m, at least 2.
    window : int
        d, pixels that are averaged after the last hidden layer: 1 for fully connected networks and for
        convolutional ones that are flattened.

    Raises
    ------
    ValueError
        If an argument is out of range, there are several correlations, or one makes a kernel negative.

    Examples
    --------
    >>> ordered = MeanField("erf", weight_variance=1.5, bias_variance=0.18)
    >>> kernel_spectrum(two_point_kernels(ordered, [20, 40]), points=20).condition_number.round(1)
    array([29.9, 95.1])
    """
    m, d = _counts(points, window)
    if kernels.tangent_off_diagonal.ndim != 1:
        raise ValueError(
            f"kernels must be of one correlation, got shape {kernels.tangent_off_diagonal.shape[1:]}"
        )
    if np.any(kernels.tangent_off_diagonal < 0.0):
        raise ValueError("kernels must not be negative: their inputs cannot all be correlated so")
    log_bulk = kernels.tangent_log_gap - math.log(d)
    with np.errstate(divide="ignore"):
        log_excess = np.log(m * kernels.tangent_off_diagonal) - log_bulk
    return KernelSpectrum(
        kernels.depths, np.exp(log_bulk) + m * kernels.tangent_off_diagonal, log_bulk, log_excess
    )


def asymptotic_spectrum(
    mean_field: MeanField, depths: Depths, *, points: int, window: int = 1
) -> KernelSpectrum:
    """What the spectrum of the tangent kernel tends to with depth: Table 1 of the paper, by phase.

    Parameters
    ----------
    mean_field : MeanField
        Without dropout.
    depths : sequence of int
        Layers of weights l, at least 1.
    points : int
        m, at least 2.
    window : int
        d, pixels that are averaged after the last hidden layer: 1 for fully connected networks and for
        convolutional ones that are flattened.

    Returns
    -------
    KernelSpectrum
        Leading terms. In the ordered phase the bulk, and with it the condition number, is known up to a
        constant factor that depends on the inputs; it is left out.

    Raises
    ------
    ValueError
        If an argument is out of range, or there is dropout.

    Notes
    -----
    Xiao et al., arXiv:1912.13053, Table 1, with chi the chi_1 and c the chi_c of `MeanField`:

    | phase | largest | bulk | condition number |
    |---|---|---|---|
    | ordered | m q* / (1 - chi) | l chi^l / d | d m q* / ((1 - chi) l chi^l) |
    | critical | (m d + 2) l q* / (3 d) | 2 l q* / (3 d) | (m d + 2) / 2 |
    | chaotic | bulk + m q* c* / (1 - c) | q* chi^l / ((chi - 1) d) | 1 + d m c* (chi - 1) / ((1 - c) chi^l) |

    Constants of the chaotic phase are [derived], for inputs of length q*. So is what holds for kinked
    activations (ReLU) instead: at the critical line p_ab tends to 1/4 of p_aa, not 1/3, and the condition
    number to (m d + 3) / 3; in the ordered phase the bulk falls as chi^(l / 2) / d.

    Examples
    --------
    >>> critical = MeanField("relu", weight_variance=2.0, bias_variance=0.0)
    >>> asymptotic_spectrum(critical, [1000], points=21).condition_number.round(6)
    array([8.])
    """
    m, d = _counts(points, window)
    depth = whole("depths", depths, least=1)
    _without_dropout(mean_field)
    q, chi_1 = mean_field.fixed_length, mean_field.chi_1
    if mean_field.phase == "ordered":
        shared = np.full_like(depth, q / (1.0 - chi_1))
        smooth = slope_power(mean_field) == 1.0
        log_bulk = np.log(depth) + depth * math.log(chi_1) if smooth else 0.5 * depth * math.log(chi_1)
    elif mean_field.phase == "critical":
        # the slope of the correlation map at c^l falls short of 1 by this over l
        power = 1.0 + 1.0 / slope_power(mean_field)
        shared = depth * q / (1.0 + power)
        log_bulk = np.log(power * shared)
    else:
        shared = np.full_like(depth, q * mean_field.fixed_correlation / (1.0 - mean_field.chi_c))
        log_bulk = depth * math.log(chi_1) + math.log(q / (chi_1 - 1.0))
    log_bulk = log_bulk - math.log(d)
    with np.errstate(divide="ignore"):
        log_excess = np.log(m * shared) - log_bulk
    largest = m * shared if mean_field.phase == "ordered" else m * shared + np.exp(log_bulk)
    return KernelSpectrum(depth.astype(np.int64), largest, log_bulk, log_excess)


def log_mean_predictor(mean_field: MeanField, depths: Depths, *, window: int = 1) -> FloatArray:
    """How the mean predictor falls with depth, up to a constant: ln of the last row of Table 1.

    The mean predictor is Theta(x, X) Theta(X, X)^-1 y with labels y of mean 0: what kernel regression
    predicts. It is O(1) in the ordered phase, d / l at the critical line and d l (chi_c / chi_1)^l in the
    chaotic phase. Shape (depths,); raises ValueError if an argument is out of range, or there is dropout.
    """
    depth = whole("depths", depths, least=1)
    d = float(whole("window", window, least=1))
    _without_dropout(mean_field)
    made: FloatArray = np.zeros_like(depth)
    if mean_field.phase == "critical":
        made = math.log(d) - np.log(depth)
    elif mean_field.phase == "chaotic":
        made = math.log(d) + np.log(depth) - depth / mean_field.generalization_depth
    return made


def mean_predictor(
    mean_field: MeanField,
    depths: Depths,
    *,
    near: float,
    correlation: float = 0.0,
    length: float | None = None,
    window: int = 1,
) -> FloatArray:
    """What the label of one training input makes at a test input beside it, exact at every depth.

    Of training inputs with pairwise one `correlation`, a test input has the correlation `near` with one, and
    with the others theirs. With labels of mean 0 the mean predictor is the label of that one times
    d (p_near - p_ab) / (p_aa - p_ab), which is returned.

    Parameters
    ----------
    mean_field : MeanField
    depths : sequence of int
        Layers of weights, each at least 1.
    near, correlation : float
        c^1, in [-1, 1].
    length : float, optional
        q^1 of all inputs. None: the fixed length.
    window : int
        d, pixels that are averaged after the last hidden layer.

    Returns
    -------
    ndarray, shape (depths,)
        nan where, deep in the chaotic phase, rounding has eaten p_near - p_ab.

    Raises
    ------
    ValueError
        If an argument is out of range, or a kernel overflows.

    Examples
    --------
    >>> ordered = MeanField("erf", weight_variance=1.5, bias_variance=0.18)
    >>> mean_predictor(ordered, [1, 100, 1000], near=0.5).round(4)
    array([0.5   , 0.2017, 0.2147])
    """
    d = float(whole("window", window, least=1))
    pair = between("near and correlation", [near, correlation], -1.0, 1.0)
    kernels = two_point_kernels(mean_field, depths, correlation=pair, length=length)
    log_near, log_far = kernels.tangent_log_gap.T
    shared_near, shared_far = kernels.tangent_off_diagonal.T
    # the difference of what is smaller: of the gaps to p_aa where inputs come close, else of the kernels
    difference = shared_near - shared_far
    difference[np.abs(difference) < 1e-13 * np.abs(shared_far)] = math.nan
    made: FloatArray = d * np.where(
        log_far < np.log(kernels.tangent_diagonal / 2.0),
        -np.expm1(log_near - log_far),
        difference * np.exp(-log_far),
    )
    return made


def dropout_condition_number(mean_field: MeanField, *, points: int, keep: float) -> float:
    """Condition number to which dropout before the last layer holds deep kernels in the ordered phase.

    Parameters
    ----------
    mean_field : MeanField
        In the ordered phase, without dropout elsewhere.
    points : int
        m, at least 2.
    keep : float
        Probability that a unit is kept, in (0, 1); at 1 the condition number has no bound.

    Raises
    ------
    ValueError
        If an argument is out of range, or the mean field is not ordered.

    Notes
    -----
    1 + m p* keep / ((1 - keep) (p* - bias_variance)) with p* = q* / (1 - chi_1) [derived from the kernels of
    arXiv:1912.13053]: only products of a unit with itself, on the diagonal, are divided by `keep`.

    Examples
    --------
    >>> ordered = MeanField("erf", weight_variance=1.5, bias_variance=0.18)
    >>> round(dropout_condition_number(ordered, points=20, keep=0.8), 1)
    82.4
    """
    m = float(whole("points", points, least=2))
    kept = float(probability("keep", keep, open_at_zero=True))
    _without_dropout(mean_field)
    if mean_field.phase != "ordered":
        raise ValueError(f"mean_field must be in the ordered phase, got the {mean_field.phase} one")
    limit = mean_field.fixed_length / (1.0 - mean_field.chi_1)
    if kept == 1.0:
        return math.inf
    return 1.0 + m * limit * kept / ((1.0 - kept) * (limit - mean_field.bias_variance))
