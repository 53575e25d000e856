"""What a fluctuation of a linear classifier's boundary costs: exact errors, and their expansion.

A mean classifier of unit weights is perturbed by independent normals of a given deviation in `dimension`
directions orthogonal to it, as seeds do: f_bar is the mean, f the perturbed one. The centre of the data has
the overlap R with the mean's direction, and the overlap `exposed` with the space of the perturbation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .argument_checks import not_negative, positive, whole
from .chi_square import chi_square_rule

FloatArray = NDArray[np.float64]

_NORMALS: FloatArray = np.arange(-9.0, 9.0 + 1e-9, 1.0 / 64.0)
_MASSES: FloatArray = np.exp(-0.5 * _NORMALS**2) / (64.0 * np.sqrt(2.0 * np.pi))


def _geometry(dimension: int, overlap: float, exposed: float | None) -> tuple[int, float, float]:
    directions = int(whole("dimension", dimension, least=1))
    if not -1.0 <= overlap <= 1.0:
        raise ValueError(f"overlap must be in [-1, 1], got {overlap}")
    most = math.sqrt(1.0 - overlap**2)
    side = most if exposed is None else exposed
    if not 0.0 <= side <= most + 1e-12:
        raise ValueError(f"exposed must be between 0 and {most:.6g} for this overlap, got {exposed}")
    return directions, float(overlap), side


def _mean_error(
    error: Callable[[FloatArray], FloatArray],
    deviation: ArrayLike,
    dimension: int,
    overlap: float,
    exposed: float | None,
) -> FloatArray:
    # the mean of an error over the cosine between the perturbed classifier and the informative direction
    directions, along, side = _geometry(dimension, overlap, exposed)
    sizes = not_negative("deviation", deviation)
    rest, weights = np.zeros(1), np.ones(1)
    if directions > 1:
        rest, weights = chi_square_rule(directions - 1.0)
    errors = np.empty(sizes.shape)
    for i, size in enumerate(sizes.flat):
        push = size * _NORMALS[:, None]
        lengths = np.sqrt(1.0 + push**2 + size**2 * (directions - 1.0) * rest)
        errors.flat[i] = _MASSES @ error((along + side * push) / lengths) @ weights
    return np.asarray(errors)[()]


def perturbed_mixture_error(
    deviation: ArrayLike,
    *,
    dimension: int,
    separation: float,
    overlap: float = 1.0,
    exposed: float | None = None,
) -> FloatArray:
    """Mean error of a perturbed classifier of two Gaussian clouds at plus and minus `separation`.

    Parameters
    ----------
    deviation : array_like
        Standard deviation of the perturbation in each direction, at least 0, in units of the mean's length.
    dimension : int
        Directions of the perturbation, at least 1.
    separation : float
        Distance of a cloud's centre from the origin, in its standard deviations; positive.
    overlap : float
        Cosine R of the centre with the mean classifier, in [-1, 1].
    exposed : float, optional
        Cosine of the centre with the space of the perturbation; by default all that the overlap leaves.

    Returns
    -------
    ndarray
        The mean of ``Phi(-separation cos)`` [derived]; a NumPy float for a scalar.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    distance = float(positive("separation", separation))
    return _mean_error(lambda cos: special.ndtr(-distance * cos), deviation, dimension, overlap, exposed)


def perturbed_teacher_error(
    deviation: ArrayLike, *, dimension: int, overlap: float = 1.0, exposed: float | None = None
) -> FloatArray:
    """Mean error of a perturbed classifier of Gaussian inputs that a linear teacher labels.

    Parameters
    ----------
    deviation, dimension, overlap, exposed
        As for `perturbed_mixture_error`, with the teacher's direction for the centre's.

    Returns
    -------
    ndarray
        The mean of ``arccos(cos) / pi``, to 1e-6 [derived]; a NumPy float for a scalar. At overlap 1 it grows
        like the first power of the deviation, not the second: where the mean makes no error, any shift of
        its boundary costs.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    return _mean_error(
        lambda cos: np.arccos(np.clip(cos, -1.0, 1.0)) / np.pi, deviation, dimension, overlap, exposed
    )


def boundary_shift(
    deviation: ArrayLike,
    *,
    dimension: int,
    separation: float,
    overlap: float = 1.0,
    exposed: float | None = None,
) -> FloatArray:
    """Boundary distance of the perturbed classifiers of `perturbed_mixture_error`, as a ratio of norms.

    Parameters
    ----------
    deviation, dimension, separation, overlap, exposed
        As for `perturbed_mixture_error`; separation 0 is allowed, and is that of isotropic inputs.

    Returns
    -------
    ndarray
        ``delta = ||f - f_bar|| / ||grad f||``, both root mean squares (arXiv:1901.01608, figure 10):
        ``delta^2 = t^2 (D + separation^2 exposed^2) / (1 + D t^2)`` for deviation t, dimension D [derived].

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    directions, _, side = _geometry(dimension, overlap, exposed)
    spread = not_negative("deviation", deviation) ** 2
    centre = float(not_negative("separation", separation)) * side
    return np.asarray(np.sqrt(spread * (directions + centre**2) / (1.0 + directions * spread)))[()]


def mixture_excess_coefficients(
    *, dimension: int, separation: float, overlap: float = 1.0, exposed: float | None = None
) -> tuple[float, float]:
    """Coefficients of the square and of the fourth power of the deviation in what a perturbation costs.

    Parameters
    ----------
    dimension, separation, overlap, exposed
        As for `perturbed_mixture_error`.

    Returns
    -------
    second, fourth : float
        ``eps - eps_bar = second t^2 + fourth t^4 + ...`` for deviation t [derived]. In the boundary distance
        the first is ``delta^2 (m R / 2) exp(-(m R)^2 / 2) / sqrt(2 pi)`` with m the separation and R the
        overlap, whatever the dimension: equation 5 of arXiv:1901.01608, with its prefactor.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    directions, along, side = _geometry(dimension, overlap, exposed)
    m = float(positive("separation", separation))
    density = math.exp(-0.5 * (m * along) ** 2) / math.sqrt(2.0 * math.pi)
    second = 0.5 * density * m * along * (directions + m * m * side * side)
    # moments of the cosine's shift at fourth order, and derivatives of the error in the cosine
    shift = (
        0.375 * along * directions * (directions + 2),
        (directions + 2) * (0.25 * along**2 * directions - side**2),
        -1.5 * along * side**2 * (directions + 2),
        3.0 * side**4,
    )
    slopes = (-m, m**3 * along, m**3 * (1.0 - (m * along) ** 2), m**5 * along * ((m * along) ** 2 - 3.0))
    fourth = density * sum(s * d / k for s, d, k in zip(shift, slopes, (1.0, 2.0, 6.0, 24.0), strict=True))
    return second, fourth
