"""Networks of one hidden layer on random inputs, in numpy: outputs, tangent kernel and gradient flow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.special import erf

from genlaws.simulate import erf_tangent_kernel, relu_tangent_kernel

FloatArray = NDArray[np.float64]
Activation = Literal["relu", "erf"]

_WEIGHT_VARIANCE = 2.0
# largest error of a step of the flow, over how far the weights have moved
_RELATIVE_ERROR = 1e-3


def limit_kernel(activation: Activation, inputs: FloatArray) -> FloatArray:
    """Tangent kernel of a `ShallowNetwork` of infinite width, shape (points, points)."""
    kernel = {"relu": relu_tangent_kernel, "erf": erf_tangent_kernel}[activation]
    return kernel(inputs, depth=2, weight_variance=_WEIGHT_VARIANCE)


@dataclass(frozen=True, slots=True, eq=False)
class ShallowNetwork:
    """f(x) = (2/h)^(1/2) sum_j a_j rho(u_j), with u_j = (2/d)^(1/2) w_j x what enters unit j.

    Attributes
    ----------
    activation : {"relu", "erf"}
        rho.
    first : ndarray, shape (h, d)
        The w_j, standard normal where they were drawn.
    last : ndarray, shape (h,)
        The a_j, likewise.
    """

    activation: Activation
    first: FloatArray
    last: FloatArray

    @classmethod
    def draw(
        cls, activation: Activation, width: int, dimension: int, rng: np.random.Generator
    ) -> ShallowNetwork:
        """One with independent weights."""
        return cls(activation, rng.standard_normal((width, dimension)), rng.standard_normal(width))

    def _gains(self) -> tuple[float, float]:
        width, dimension = self.first.shape
        return math.sqrt(_WEIGHT_VARIANCE / dimension), math.sqrt(_WEIGHT_VARIANCE / width)

    def _slopes(self, entering: FloatArray) -> FloatArray:
        if self.activation == "relu":
            return np.asarray(entering > 0.0, dtype=np.float64)
        return np.asarray(2.0 / math.sqrt(math.pi) * np.exp(-(entering**2)))

    def entering(self, inputs: FloatArray) -> FloatArray:
        """u, shape (points, h)."""
        made: FloatArray = self._gains()[0] * (inputs @ self.first.T)
        return made

    def _leaving(self, entering: FloatArray) -> FloatArray:
        return np.maximum(entering, 0.0) if self.activation == "relu" else np.asarray(erf(entering))

    def outputs(self, inputs: FloatArray) -> FloatArray:
        """f, shape (points,)."""
        made: FloatArray = self._gains()[1] * (self._leaving(self.entering(inputs)) @ self.last)
        return made

    def tangent_kernel(self, inputs: FloatArray) -> FloatArray:
        """Products of the gradients of f in all w and a, shape (points, points)."""
        first, last = self._gains()
        entering = self.entering(inputs)
        leaving, signals = self._leaving(entering), self._slopes(entering) * self.last
        made: FloatArray = last**2 * (
            leaving @ leaving.T + first**2 * (signals @ signals.T) * (inputs @ inputs.T)
        )
        return made

    def moved(self, movement: FloatArray) -> ShallowNetwork:
        """One whose weights, first the w and then the a, lie `movement` further, shape (h d + h,)."""
        cut = self.first.size
        return ShallowNetwork(
            self.activation,
            self.first + movement[:cut].reshape(self.first.shape),
            self.last + movement[cut:],
        )

    def outputs_and_gradient(
        self, inputs: FloatArray, residuals: Callable[[FloatArray], FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """f, and the gradient of sum_i r_i f(x_i) in all weights, in the order of `moved`.

        Parameters
        ----------
        inputs : ndarray, shape (points, d)
        residuals : callable
            Outputs f -> r, which counts as constant, both of shape (points,).
        """
        first, last = self._gains()
        entering = self.entering(inputs)
        leaving = self._leaving(entering)
        outputs: FloatArray = last * (leaving @ self.last)
        r = residuals(outputs)
        signals = self._slopes(entering) * self.last * r[:, None]
        gradient = np.concatenate([first * last * (signals.T @ inputs).ravel(), last * (r @ leaving)])
        return outputs, gradient


def follow_gradient_flow(
    network: ShallowNetwork,
    inputs: FloatArray,
    labels: FloatArray,
    times: FloatArray,
    *,
    alpha: float = 1.0,
) -> list[ShallowNetwork]:
    """The network at each of `times`, while F = alpha (f - f_0) follows the gradient of its square loss.

    The loss is that of `KernelFlow`, (1/n) sum_i (F_i - y_i)^2 / 2, over alpha squared.

    Parameters
    ----------
    network : ShallowNetwork
        f_0, at time 0.
    inputs : ndarray, shape (n, d)
    labels : ndarray, shape (n,)
        y.
    times : ndarray
        Positive and increasing.
    alpha : float
    """
    start = network.outputs(inputs)

    def velocity(_: float, movement: FloatArray) -> FloatArray:
        return network.moved(movement).outputs_and_gradient(
            inputs, lambda f: (alpha * (f - start) - labels) / (-alpha * len(labels))
        )[1]

    # what the flow moves is small beside the weights: it is followed by itself, from zero
    still = np.zeros(network.first.size + network.last.size)
    flow = solve_ivp(
        velocity,
        (0.0, float(times[-1])),
        still,
        method="RK45",
        t_eval=times,
        rtol=_RELATIVE_ERROR,
        atol=_RELATIVE_ERROR / (alpha * math.sqrt(len(network.last))),
    )
    return [network.moved(movement) for movement in flow.y.T]
