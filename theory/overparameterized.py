"""Candidate error densities of over-parameterized sets, and their fit to a measured learning curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from .argument_checks import number_of_examples, positive, probability
from .closed_forms import BetaErrorDensity
from .error_density import ErrorDensity
from .exponential_forms import ExponentialEdgeErrorDensity, TruncatedGaussianErrorDensity
from .learning_curves import learning_curve

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ErrorDensityModel:
    """A family of error densities with free parameters.

    Attributes
    ----------
    name
        Short name.
    parameters
        Names of the free parameters.
    lower, upper
        Their bounds.
    logarithmic
        Whether the fit moves each parameter on a logarithmic scale.
    starts
        Starting values of the fit, one tuple for each start.
    build
        Parameters, in this order -> the density.
    """

    name: str
    parameters: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    logarithmic: tuple[bool, ...]
    starts: tuple[tuple[float, ...], ...]
    build: Callable[..., ErrorDensity]


@dataclass(frozen=True, slots=True)
class ErrorDensityFit:
    """A model fitted to a learning curve by weighted least squares.

    Attributes
    ----------
    model
        What was fitted.
    parameters
        Name -> fitted value.
    density
        The fitted density.
    weighted_squares
        Sum of weight * (curve - model)^2; chi-squared distributed for weights of 1/variance and a true model.
    degrees_of_freedom
        Points less free parameters.
    at_bound
        Names of the parameters that ended on one of their bounds.
    """

    model: ErrorDensityModel
    parameters: dict[str, float]
    density: ErrorDensity
    weighted_squares: float
    degrees_of_freedom: int
    at_bound: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fit, ready for JSON."""
        return {
            "model": self.model.name,
            "parameters": dict(self.parameters),
            "weighted_squares": self.weighted_squares,
            "degrees_of_freedom": self.degrees_of_freedom,
            "at_bound": list(self.at_bound),
        }


def _exponential_edge(rate: float, minimum: float, width: float) -> ErrorDensity:
    return ExponentialEdgeErrorDensity(rate, minimum, min(minimum + width, 1.0))


OVERPARAMETERIZED_MODELS: tuple[ErrorDensityModel, ...] = (
    ErrorDensityModel(
        name="beta",
        parameters=("a", "b", "minimum"),
        lower=(1e-2, 1e-2, 0.0),
        upper=(1e4, 1e6, 0.95),
        logarithmic=(True, True, False),
        starts=(
            (2.0, 4.0, 0.0),
            (1.0, 3.0, 0.1),
            (10.0, 12.0, 0.02),
            (100.0, 100.0, 0.02),
            (30.0, 60.0, 0.15),
        ),
        build=BetaErrorDensity,
    ),
    ErrorDensityModel(
        name="exponential edge",
        parameters=("rate", "minimum", "width"),
        lower=(1e-2, 0.0, 1e-3),
        upper=(1e5, 0.95, 1.0),
        logarithmic=(True, False, True),
        starts=(
            (5.0, 0.0, 0.5),
            (30.0, 0.02, 0.5),
            (100.0, 0.02, 0.45),
            (10.0, 0.15, 0.4),
            (300.0, 0.1, 0.4),
        ),
        build=_exponential_edge,
    ),
    ErrorDensityModel(
        name="truncated Gaussian",
        parameters=("location", "scale", "minimum"),
        lower=(0.0, 1e-4, 0.0),
        upper=(1.0, 1.0, 0.95),
        logarithmic=(False, True, False),
        starts=((0.5, 0.2, 0.0), (0.5, 0.05, 0.02), (0.5, 0.05, 0.2), (0.3, 0.1, 0.05), (0.5, 0.02, 0.1)),
        build=TruncatedGaussianErrorDensity,
    ),
)
"""Candidates for arXiv 2410.16868, whose own form is not reproduced here: the evidence chooses among them."""

_REFINED_STARTS = 2


def fit_error_density(
    model: ErrorDensityModel, n: ArrayLike, mean_error: ArrayLike, *, weights: ArrayLike | None = None
) -> ErrorDensityFit:
    """Fit the learning curve of `model` to a measured one by weighted least squares.

    Minimizes sum_i weight_i (mean_error_i - <E>_{n_i})^2 from the best starts of the model, within its
    bounds.

    Parameters
    ----------
    model : ErrorDensityModel
        One of `OVERPARAMETERIZED_MODELS`, or another.
    n : array_like, shape (points,)
        Numbers of examples, at least as many points as free parameters.
    mean_error : array_like, shape (points,)
        Measured mean errors in [0, 1].
    weights : array_like, shape (points,), optional
        Positive weights, 1/variance for chi-squared; equal by default.

    Returns
    -------
    ErrorDensityFit

    Raises
    ------
    ValueError
        If an argument is out of its range or the columns differ in length.
    """
    n_ = np.atleast_1d(number_of_examples(n)).ravel()
    target = np.atleast_1d(probability("mean_error", mean_error)).ravel()
    weight = np.ones(len(n_)) if weights is None else np.atleast_1d(positive("weights", weights)).ravel()
    if not n_.shape == target.shape == weight.shape:
        raise ValueError(
            f"n, mean_error and weights must be of equal length, got {len(n_)}, {len(target)}, {len(weight)}"
        )
    if len(n_) < len(model.parameters):
        raise ValueError(
            f"n must hold at least {len(model.parameters)} points for {model.name}, got {len(n_)}"
        )
    root = np.sqrt(weight)
    is_log = np.array(model.logarithmic)

    def encode(values: ArrayLike) -> FloatArray:
        array = np.asarray(values, dtype=float)
        return np.where(is_log, np.log(np.where(is_log, array, 1.0)), array)

    def decode(point: FloatArray) -> FloatArray:
        values = np.where(is_log, np.exp(np.where(is_log, point, 0.0)), point)
        return np.clip(values, model.lower, model.upper)

    def residuals(point: FloatArray) -> FloatArray:
        return np.asarray(root * (learning_curve(model.build(*decode(point).tolist()), n_) - target))

    starts = sorted((encode(start) for start in model.starts), key=lambda x: float(np.sum(residuals(x) ** 2)))
    # the central difference holds the accuracy of the fit where the curve is flat in a parameter
    fits = [
        optimize.least_squares(
            residuals, start, bounds=(encode(model.lower), encode(model.upper)), jac="3-point", x_scale="jac"
        )
        for start in starts[:_REFINED_STARTS]
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    values = dict(zip(model.parameters, decode(best.x).tolist(), strict=True))
    return ErrorDensityFit(
        model=model,
        parameters=values,
        density=model.build(*values.values()),
        weighted_squares=float(2 * best.cost),
        degrees_of_freedom=len(n_) - len(model.parameters),
        at_bound=tuple(
            name for name, active in zip(model.parameters, best.active_mask, strict=True) if active
        ),
    )
