r"""`PiecewiseExponential`: masses that are exponential between nodes of s = -ln((1-E)/(1-E_min)).

In s the tilt (1 - E)^n is exp(-n s), so a tilted piece is exponential again and every integral is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

_CHUNK = 2_000_000


def _log_exponential_integral(rate: FloatArray, width: FloatArray) -> FloatArray:
    r"""ln \int_0^width exp(rate t) dt; `width` may be infinite where `rate` < 0, and is not negative."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = rate * width
        size = np.abs(x)
        # expm1(x)/x by its series where x is small, and always times the larger end of the piece
        near = np.log(width) - size / 2 + size**2 / 24
        far = np.log(-np.expm1(-size)) - np.log(np.abs(rate))
        return np.where(width <= 0, -np.inf, np.maximum(np.where(width > 0, x, 0.0), 0.0)) + np.where(
            width <= 0, 0.0, np.where(size < 1e-4, near, far)
        )


@dataclass(frozen=True, slots=True)
class PiecewiseExponential:
    """Pieces [start, start + width) of s with density exp(log_density + rate (s - start)), shape (pieces,).

    The last `width` may be infinite, with a negative `rate`.
    """

    start: FloatArray
    width: FloatArray
    log_density: FloatArray
    rate: FloatArray

    def log_masses(
        self, n: FloatArray, *, low: FloatArray | float = -np.inf, high: FloatArray | float = np.inf
    ) -> FloatArray:
        """Ln of the mass of every piece between `low` and `high`, tilted by exp(-n s), (rows, pieces)."""
        low_, high_ = np.asarray(low)[..., None], np.asarray(high)[..., None]
        begin = np.maximum(self.start, low_)
        with np.errstate(invalid="ignore"):
            width = np.minimum(self.start + self.width, high_) - begin
            offset = self.log_density + self.rate * (begin - self.start) - n[:, None] * begin
        inside = width > 0
        offset = np.where(inside, offset, -np.inf)
        tilted = _log_exponential_integral(self.rate - n[:, None], np.where(inside, width, 0.0))
        return np.asarray(offset + tilted)

    def mass_and_survival(
        self, n: FloatArray, *, low: FloatArray | float = -np.inf, high: FloatArray | float = np.inf
    ) -> tuple[FloatArray, FloatArray]:
        """Per row: ln of the tilted mass between `low` and `high`, and there the mean of 1 - exp(-s)."""
        log_mass, mean = np.empty(len(n)), np.empty(len(n))
        low_, high_ = (np.broadcast_to(np.asarray(end, dtype=float), n.shape) for end in (low, high))
        rows = max(1, _CHUNK // len(self.start))
        for first in range(0, len(n), rows):
            part = slice(first, first + rows)
            masses = self.log_masses(n[part], low=low_[part], high=high_[part])
            next_masses = self.log_masses(n[part] + 1, low=low_[part], high=high_[part])
            log_mass[part] = special.logsumexp(masses, axis=1)
            with np.errstate(invalid="ignore"):
                dying = -np.expm1(np.minimum(next_masses - masses, 0.0))
                share = np.exp(masses - log_mass[part, None])
            mean[part] = np.sum(np.where(share > 0, share * dying, 0.0), axis=1)
        return log_mass, mean

    def log_density_at(self, s: FloatArray) -> FloatArray:
        """Ln of the density in s, ``-inf`` outside the pieces."""
        place = np.clip(np.searchsorted(self.start, s, side="right") - 1, 0, len(self.start) - 1)
        with np.errstate(invalid="ignore"):
            inside = (s >= self.start[place]) & (s <= self.start[place] + self.width[place])
            value = self.log_density[place] + self.rate[place] * (s - self.start[place])
        return np.asarray(np.where(inside, value, -np.inf))

    def sample(self, n: float, size: int, rng: np.random.Generator) -> FloatArray:
        """Draw `size` values of s from the density tilted by exp(-n s), normalized."""
        masses = self.log_masses(np.array([n]))[0]
        share = np.exp(masses - special.logsumexp(masses))
        place = rng.choice(len(share), size=size, p=share / share.sum())
        rate, width, u = self.rate[place] - n, self.width[place], rng.random(size)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            flat = np.abs(rate * width) < 1e-9
            # falling pieces from their start, rising ones from their end: neither overflows
            falling = np.log1p(u * np.expm1(rate * width)) / rate
            rising = width + np.log1p(-(1 - u) * -np.expm1(-rate * width)) / rate
        step = np.where(flat, u * np.where(flat, width, 0.0), np.where(rate < 0, falling, rising))
        return np.asarray(self.start[place] + step)
