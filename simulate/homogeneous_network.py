"""`HomogeneousNetwork`: outputs homogeneous in each layer's weights, and the velocity of their gradient flow.

Weights are `W_k = rho_k V_k` with `|V_k| = 1`, so that a margin is `rho_1^kappa_1 ... rho_K^kappa_K` times
that of the normalized network. Losses stay logarithms, and gradients are weighted by shares of the examples:
what is computed at `t = e^10000` is of order one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
Activation = Literal["linear", "relu", "square", "cube"]
Loss = Literal["exponential", "logistic"]
Normalization = Literal["none", "layers", "units", "exponential"]

DEGREES: dict[Activation, int] = {"linear": 1, "relu": 1, "square": 2, "cube": 3}
# Trial steps of an integrator may leave what numbers can hold; a flow comes nowhere near these.
_LARGEST_LOG_PRODUCT, _LARGEST_LOG_SPEED = 500.0, 60.0


def _rounded_relu(signals: FloatArray, corners: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    # ReLU itself at distance `corners` from its kink, two derivatives that are continuous between
    u = np.minimum(np.maximum(0.5 + 0.5 * signals / corners, 0.0), 1.0)
    outputs = np.where(u < 1.0, corners * u**3 * (2.0 - u), signals)
    return outputs, u * u * (3.0 - 2.0 * u), 3.0 * u * (1.0 - u) / corners


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one pass forward and the weighting of the examples leave for the way back."""

    norms: FloatArray
    directions: list[FloatArray]  # of each layer, (out, in)
    hidden: list[FloatArray]  # the inputs of each layer
    slopes: list[FloatArray]
    bends: list[FloatArray]
    outputs: FloatArray
    product: float
    log_product: float
    log_pull: float  # ln of the sum of -l'(margin)
    shares: FloatArray  # of each example in that sum


@dataclass(frozen=True, slots=True)
class HomogeneousNetwork:
    """A network without biases, the examples it is trained on, and the flow that trains it.

    Attributes
    ----------
    inputs : ndarray, shape (examples, dimension)
    labels : ndarray, shape (examples,)
        -1 and +1.
    widths : tuple of int
        The dimension of the inputs, hidden units of each layer, 1.
    activation, loss, normalization : str
        As in `integrate_gradient_flow`.
    corners : ndarray, shape (examples, 1)
        Distance from the kink within which a ReLU is rounded, times the root of the units of its layer.
    """

    inputs: FloatArray
    labels: FloatArray
    widths: tuple[int, ...]
    activation: Activation
    loss: Loss
    normalization: Normalization
    corners: FloatArray

    @property
    def powers(self) -> FloatArray:
        """kappa_k, the degree of homogeneity of the output in the weights of layer k."""
        layers = len(self.widths) - 1
        return np.array([float(DEGREES[self.activation] ** (layers - 1 - k)) for k in range(layers)])

    def layers(self, weights: FloatArray) -> list[FloatArray]:
        """Matrices of each layer, shapes (..., out, in), of weights of shape (..., parameters)."""
        matrices, start = [], 0
        for fan_in, fan_out in pairwise(self.widths):
            part = weights[..., start : start + fan_in * fan_out]
            matrices.append(part.reshape(*weights.shape[:-1], fan_out, fan_in))
            start += fan_in * fan_out
        return matrices

    def _unit(self, signals: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        # outputs, slopes, second derivatives
        if self.activation == "relu":
            return _rounded_relu(signals, self.corners / math.sqrt(signals.shape[1]))
        if self.activation == "square":
            return signals**2, 2.0 * signals, np.full_like(signals, 2.0)
        if self.activation == "cube":
            return signals**3, 3.0 * signals**2, 6.0 * signals
        return signals, np.ones_like(signals), np.zeros_like(signals)

    def normalized_outputs(self, directions: Sequence[FloatArray]) -> FloatArray:
        """Outputs of the network with layers of norm 1, shape (examples,)."""
        signals = self.inputs
        for layer in directions[:-1]:
            signals = self._unit(signals @ layer.T)[0]
        return np.asarray((signals @ directions[-1].T)[:, 0])

    def _forward(self, weights: FloatArray) -> _Pass:
        matrices = self.layers(weights)
        norms = np.array([math.sqrt(np.vdot(matrix, matrix)) for matrix in matrices])
        directions = [matrix / norm for matrix, norm in zip(matrices, norms, strict=True)]
        hidden, slopes, bends = [self.inputs], [], []
        for layer in directions[:-1]:
            outputs, slope, bend = self._unit(hidden[-1] @ layer.T)
            hidden.append(outputs)
            slopes.append(slope)
            bends.append(bend)
        outputs = (hidden[-1] @ directions[-1].T)[:, 0]
        log_product = min(float(self.powers @ np.log(norms)), _LARGEST_LOG_PRODUCT)
        product = math.exp(log_product)
        margins = product * self.labels * outputs
        log_pulls = -margins if self.loss == "exponential" else special.log_expit(-margins)
        largest = log_pulls.max()
        pulls = np.exp(log_pulls - largest)
        total = pulls.sum()
        return _Pass(
            norms, directions, hidden, slopes, bends, outputs, product, log_product,
            float(largest + math.log(total)), pulls / total,
        )  # fmt: skip

    def _pieces(self, k: int) -> int:
        # how many parts of a layer have a direction of their own
        return self.widths[k + 1] if self.normalization in ("units", "exponential") else 1

    def _mobility(self, k: int, norm: float) -> float:
        # of a layer's direction, in units of that of its norm
        return 1.0 if self.normalization == "none" else norm**2 / self._pieces(k)

    def log_pull(self, weights: FloatArray) -> float:
        """Ln of the sum of -l'(margin) over the examples."""
        return self._forward(weights).log_pull

    def velocity(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """dW / d ln(t + c), of shape (parameters,), where ln(t + c) is `log_clock`."""
        at = self._forward(weights)
        errors = (self.labels * at.shares)[:, None]
        mean = float(errors[:, 0] @ at.outputs)
        changes: list[FloatArray] = []
        for k in reversed(range(len(at.directions))):
            layer = at.directions[k]
            pieces = layer.reshape(self._pieces(k), -1)
            slope = (errors.T @ at.hidden[k]).reshape(pieces.shape)
            square = (pieces * pieces).sum(axis=1, keepdims=True)
            tangential = slope - (slope * pieces).sum(axis=1, keepdims=True) / square * pieces
            # again: what rounding left along the pieces would be multiplied by the square of the norm
            tangential -= (tangential * pieces).sum(axis=1, keepdims=True) / square * pieces
            log_speed = log_clock + at.log_pull + at.log_product - math.log(at.norms[k])
            if self.normalization == "exponential":
                change = at.norms[k] ** 2 * square * slope
            else:
                change = self._mobility(k, at.norms[k]) * tangential + self.powers[k] * mean * pieces
            changes.append(math.exp(min(log_speed, _LARGEST_LOG_SPEED)) * change.ravel())
            if k > 0:
                errors = (errors @ layer) * at.slopes[k - 1]
        return np.concatenate(changes[::-1])

    def margin_gradients(self, weights: FloatArray) -> FloatArray:
        """Gradients of each example's margin by all weights, shape (examples, parameters).

        Along the weights of layer k they are kappa_k times the margin, exactly: corners grow with the norms.
        """
        at = self._forward(weights)
        errors = at.product * self.labels[:, None]
        margins = at.product * self.labels * at.outputs
        gradients: list[FloatArray] = []
        for k in reversed(range(len(at.directions))):
            layer = at.directions[k]
            slopes = (errors[:, :, None] * at.hidden[k][:, None, :]).reshape(len(margins), -1)
            across = self.powers[k] * margins - slopes @ layer.ravel()
            gradients.append((slopes + np.outer(across, layer)) / at.norms[k])
            if k > 0:
                errors = (errors @ layer) * at.slopes[k - 1]
        return np.concatenate(gradients[::-1], axis=1)

    def jacobian(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """Derivatives of `velocity` by the weights, shape (parameters, parameters).

        All directions are followed through the network at once; the first axis of what begins with `d` is
        that of the weight that moves.
        """
        at = self._forward(weights)
        count, layers = weights.size, len(at.directions)
        d_log_norms = np.zeros((layers, count))
        d_directions = [np.zeros((count, *layer.shape)) for layer in at.directions]
        start = 0
        for k, layer in enumerate(at.directions):
            block, flat = slice(start, start + layer.size), layer.ravel()
            d_log_norms[k, block] = flat / at.norms[k]
            projected = (np.eye(layer.size) - np.outer(flat, flat)) / at.norms[k]
            d_directions[k][block] = projected.reshape(layer.size, *layer.shape)
            start += layer.size
        # forward
        d_hidden, d_signals = [np.zeros((count, *self.inputs.shape))], []
        for k, layer in enumerate(at.directions):
            d_signal = d_hidden[k] @ layer.T + at.hidden[k] @ d_directions[k].transpose(0, 2, 1)
            d_signals.append(d_signal)
            if k < layers - 1:
                d_hidden.append(d_signal * at.slopes[k])
        d_outputs = d_signals[-1][:, :, 0]
        # shares of the examples
        d_log_product = self.powers @ d_log_norms
        margins = at.product * self.labels * at.outputs
        d_margins = margins * d_log_product[:, None] + at.product * self.labels * d_outputs
        steepness = 1.0 if self.loss == "exponential" else special.expit(margins)
        d_log_pulls = -steepness * d_margins
        d_log_pull = d_log_pulls @ at.shares
        d_shares = at.shares * (d_log_pulls - d_log_pull[:, None])
        # backward
        errors, d_errors = (self.labels * at.shares)[:, None], (self.labels * d_shares)[:, :, None]
        mean = float(errors[:, 0] @ at.outputs)
        d_mean = d_errors[:, :, 0] @ at.outputs + d_outputs @ errors[:, 0]
        result = np.empty((count, count))
        end = count
        for k in reversed(range(layers)):
            layer, d_layer = at.directions[k], d_directions[k]
            pieces = layer.reshape(self._pieces(k), -1)
            shape = (count, *pieces.shape)
            d_pieces = d_layer.reshape(shape)
            slope = (errors.T @ at.hidden[k]).reshape(pieces.shape)
            d_slope = (d_errors.transpose(0, 2, 1) @ at.hidden[k] + errors.T @ d_hidden[k]).reshape(shape)
            square = (pieces * pieces).sum(axis=1)
            along = (slope * pieces).sum(axis=1) / square
            d_along = (d_slope * pieces + d_pieces * slope - 2.0 * along[:, None] * d_pieces * pieces).sum(2)
            d_along /= square
            tangential = slope - along[:, None] * pieces
            d_tangential = d_slope - along[:, None] * d_pieces - d_along[:, :, None] * pieces
            mobility = self._mobility(k, at.norms[k])
            change = mobility * tangential + self.powers[k] * mean * pieces
            d_change = mobility * d_tangential
            d_change += self.powers[k] * (d_mean[:, None, None] * pieces + mean * d_pieces)
            if self.normalization == "exponential":
                mobilities = at.norms[k] ** 2 * square[:, None]
                change = mobilities * slope
                d_mobilities = 2.0 * mobilities * d_log_norms[k][:, None, None]
                d_mobilities += 2.0 * at.norms[k] ** 2 * (pieces * d_pieces).sum(axis=2, keepdims=True)
                d_change = d_mobilities * slope + mobilities * d_slope
            elif self.normalization != "none":
                d_change += 2.0 * mobility * d_log_norms[k][:, None, None] * tangential
            d_log_speed = d_log_pull + d_log_product - d_log_norms[k]
            d_change += d_log_speed[:, None, None] * change
            log_speed = log_clock + at.log_pull + at.log_product - math.log(at.norms[k])
            speed = math.exp(min(log_speed, _LARGEST_LOG_SPEED))
            result[end - layer.size : end] = speed * d_change.reshape(count, -1).T
            end -= layer.size
            if k > 0:
                back = errors @ layer
                d_errors = (d_errors @ layer + errors @ d_layer) * at.slopes[k - 1]
                d_errors += back * at.bends[k - 1] * d_signals[k - 1]
                errors = back * at.slopes[k - 1]
        return result
