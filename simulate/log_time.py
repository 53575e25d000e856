"""`weights_in_log_time`: gradient flows to zero loss, stepped in the logarithm of time.

The clock is ln(t + c): in it a flow is of order one at the start as at `t = e^10000`, where weights grow like
a power of ln t and steps can grow with them. It is stiff, as the shares of the examples in the loss settle
at once; LSODA with the exact Jacobian steps it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import LSODA

FloatArray = NDArray[np.float64]

_RELATIVE = 1e-13  # rounding; the tolerance is absolute, as margins are differences of weights
# ln of (t + c) times the sum of -l'(margin), of order one as long as the loss falls, grows like ln t at rest
_AT_REST = 30.0
# a flow may pass a saddle; one that takes so many evaluations beyond that time stays there
_RESTING, _PATIENCE = 12.0, 3_000


class LossFlow(Protocol):
    """A gradient flow down a loss that can become zero, in logarithms."""

    def log_pull(self, weights: FloatArray) -> float:
        """Ln of the sum of -l'(margin) over the examples."""
        ...

    def velocity(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """dW / d ln(t + c), of shape (parameters,), where ln(t + c) is `log_clock`."""
        ...

    def jacobian(self, log_clock: float, weights: FloatArray) -> FloatArray:
        """Derivatives of `velocity` by the weights, shape (parameters, parameters)."""
        ...


def weights_in_log_time(
    flow: LossFlow,
    start: FloatArray,
    log_times: FloatArray,
    *,
    tolerance: float,
    evaluations: int,
    progress: Callable[[float], None] | None = None,
) -> tuple[FloatArray, int]:
    """Weights of a flow at given times.

    Parameters
    ----------
    flow : LossFlow
    start : ndarray, shape (parameters,)
        At t = 0.
    log_times : ndarray, shape (times,)
        ln t, increasing; minus infinity is the start.
    tolerance : float
        Absolute error of weights in each step.
    evaluations : int
        At most so many of the velocity.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    tuple of ndarray, shape (times, parameters), and int
        The weights, and how often the velocity was evaluated.

    Raises
    ------
    ValueError
        If the start does not move, or comes to rest at a loss that is not zero.
    RuntimeError
        If the evaluations do not suffice, or the integrator gives up.
    """
    log_pull = flow.log_pull(start)
    speed = flow.velocity(-log_pull, start)
    if not np.any(speed):
        raise ValueError("start must have a gradient, and the flow from this one does not move")
    # about the time in which the loss first falls by a factor
    clock = -log_pull - math.log(float(speed @ speed))
    clocks = np.logaddexp(log_times, clock)
    weights = np.empty((len(clocks), start.size))
    done = int(np.searchsorted(clocks, clock, side="right"))
    weights[:done] = start
    if done == len(clocks):
        return weights, 0
    # more than order one where inputs, or weights of a network, are small at the start
    order = max(clock + log_pull, 0.0)
    solver = LSODA(flow.velocity, clock, start, clocks[-1], rtol=_RELATIVE, atol=tolerance, jac=flow.jacobian)
    moving = 0  # evaluations up to where the flow last did
    while solver.status == "running":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # says in other words what the message does
            message = solver.step()
        log_pull = flow.log_pull(solver.y)
        now = f"ln t = {solver.t:.6g}, where ln of the sum of -l' is {log_pull:.3g}"
        rest = solver.t + log_pull - order
        if rest <= _RESTING:
            moving = solver.nfev
        failed = message is not None or not math.isfinite(log_pull)
        if rest > _AT_REST or (rest > _RESTING and (failed or solver.nfev - moving > _PATIENCE)):
            raise ValueError(f"start must lead to zero loss, and this one comes to rest at {now}")
        if failed:
            raise RuntimeError(f"the integration failed at {now}: {message}")
        if solver.nfev > evaluations:
            raise RuntimeError(f"evaluations must be more for these times: {evaluations} came to {now}")
        after = int(np.searchsorted(clocks, solver.t, side="right"))
        if after > done:
            weights[done:after] = solver.dense_output()(clocks[done:after]).T
            done = after
        if progress is not None:
            # steps grow with the clock
            progress(math.log1p(solver.t - clock) / math.log1p(clocks[-1] - clock))
    return weights, solver.nfev
