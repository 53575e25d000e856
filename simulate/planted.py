"""`planted_bad_fraction`: the bad fraction carried by rare training sets, which it plants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from .enumeration import PlantableFamily, as_enumerable
from .family import ClassifierFamily, FloatArray, IntArray, Population

# rejected batches in a row after which a classifier is said to be right nowhere
_PATIENCE = 10_000


@dataclass(frozen=True, slots=True)
class PlantedFraction:
    """The quenched bad fraction f_n(eps) by planted training sets.

    Attributes
    ----------
    n_examples : ndarray of int64, shape (n,)
        Numbers of training examples.
    eps
        Threshold on the true error.
    log_bad_fraction : ndarray, shape (n,)
        ln f_n(eps), f_n = E_S |H_eps(S)| / |H(S)|, in nats.
    log_bad_fraction_se : ndarray, shape (n,)
        Its standard error over the planted sets (delta method), in nats.
    log_annealed_bad_fraction : ndarray, shape (n,)
        ln g_n(eps), exact.
    effective_draws : ndarray, shape (n,)
        (sum of weights)^2 / sum of squares of the weights 1/|H(S)|; trust nothing below about 30.
    set_log_fraction : ndarray, shape (n, draws)
        ln |H(S)| / |H| of every planted set, in nats.
    """

    n_examples: IntArray
    eps: float
    log_bad_fraction: FloatArray
    log_bad_fraction_se: FloatArray
    log_annealed_bad_fraction: FloatArray
    effective_draws: FloatArray
    set_log_fraction: FloatArray

    @property
    def draws(self) -> int:
        """Number of planted training sets for each n."""
        return int(self.set_log_fraction.shape[1])

    @property
    def log_annealed_ratio(self) -> FloatArray:
        """ln g_n / f_n: 0 if f_S did not co-vary with |H(S)|; its standard error is that of ln f_n."""
        return np.asarray(self.log_annealed_bad_fraction - self.log_bad_fraction)

    def to_dict(self) -> dict[str, Any]:
        """All values but those of single sets, ready for JSON."""
        return {
            "schema_version": 1,
            "n_examples": self.n_examples.tolist(),
            "eps": self.eps,
            "draws": self.draws,
            "log_bad_fraction": self.log_bad_fraction.tolist(),
            "log_bad_fraction_se": self.log_bad_fraction_se.tolist(),
            "log_annealed_bad_fraction": self.log_annealed_bad_fraction.tolist(),
            "effective_draws": self.effective_draws.tolist(),
        }


def _examples_it_gets_right(
    family: ClassifierFamily, classifier: Population, error: float, n: int, rng: np.random.Generator
) -> IntArray:
    """Independent examples, given that one classifier is right on all of them."""
    kept: list[IntArray] = []
    missing, futile = n, 0
    while missing > 0:
        batch = family.training_set(int(missing / max(1.0 - error, 0.01) * 1.1) + 4, rng)
        right = batch[family.correct(classifier, batch)[0]][:missing]
        kept.append(right)
        missing -= right.size
        futile = 0 if right.size else futile + 1
        if futile > _PATIENCE:
            raise ValueError(f"family has a classifier above eps that is right on no example (error {error})")
    return np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)


def _sampled_log_fractions(
    family: ClassifierFamily, planted: IntArray, particles: int, replicas: int, rng: np.random.Generator
) -> FloatArray:
    from .zero_error import sample_zero_error

    draws, n = planted.shape
    if n == 0:
        return np.zeros(draws)
    values = np.empty(draws)
    for i in range(draws):
        result = sample_zero_error(
            family, [n], particles=particles, replicas=replicas, rng=rng, training_set=planted[i]
        )
        values[i] = np.asarray(result.log_fraction)[0]
        if not np.isfinite(values[i]):
            raise ValueError(
                f"particles must be more than {particles}: a planted set of {n} examples was lost"
            )
    return values


def planted_bad_fraction(
    family: ClassifierFamily,
    *,
    n_examples: int | Iterable[int],
    eps: float,
    draws: int = 300,
    particles: int = 500,
    replicas: int = 4,
    rng: np.random.Generator | int | None = None,
) -> PlantedFraction:
    """Measure f_n(eps) where it is carried by training sets too rare to meet.

    A typical training set has no bad classifier at all once f_n is small, and an average over sets sees
    zeros. With |H| = 1, f_n(eps) = Z_n g_n E[1/|H(S)|], where a classifier is drawn from Q(E) restricted
    to E > eps and tilted by (1-E)^n, and S from the examples it gets right: the definitions of
    arXiv 2410.16868 with the sum over classifiers and the average over S exchanged.

    Parameters
    ----------
    family : ClassifierFamily
        Also a `PlantableFamily`, with training examples drawn independently of each other.
    n_examples : int or iterable of int
        Numbers of training examples; each has its own planted sets.
    eps : float
        Threshold on the true error above which a classifier is bad, in [0, 1).
    draws : int
        Planted training sets for each n, at least 2.
    particles, replicas : int
        For `sample_zero_error`, where the family cannot be enumerated. An error of s nats in ln |H(S)|
        then biases f_n by a factor of about 1 + s^2/2.
    rng : Generator, int or None

    Returns
    -------
    PlantedFraction

    Raises
    ------
    ValueError
        If an argument is out of the ranges above, the family cannot be planted, or no classifier is
        as bad as `eps`.
    """
    if not isinstance(family, PlantableFamily):
        raise ValueError(f"family must have log_tilted_mass and draw_planted, got {type(family).__name__}")
    n = np.atleast_1d(np.asarray(n_examples if isinstance(n_examples, int) else list(n_examples)))
    if n.ndim != 1 or n.size == 0 or not np.issubdtype(n.dtype, np.integer) or np.any(n < 0):
        raise ValueError(f"n_examples must be non-negative integers, got {n_examples}")
    if not 0.0 <= eps < 1.0:
        raise ValueError(f"eps must lie in [0, 1), got {eps}")
    if draws < 2:
        raise ValueError(f"draws must be at least 2, got {draws}")
    finite = as_enumerable(family)
    stream = np.random.default_rng(rng)
    log_f, log_f_se, log_g, effective = (np.empty(n.size) for _ in range(4))
    set_log_fraction = np.empty((n.size, draws))
    for i, here in enumerate(n.tolist()):
        bad = family.draw_planted(draws, n=here, eps=eps, rng=stream)
        errors = family.true_errors(bad)
        planted = np.stack(
            [
                _examples_it_gets_right(family, family.take(bad, np.array([k])), errors[k], here, stream)
                for k in range(draws)
            ]
        )
        if finite is not None:
            logs = finite.zero_error_counts(planted).log_fraction[:, -1]
        else:
            logs = _sampled_log_fractions(family, planted, particles, replicas, stream)
        set_log_fraction[i] = logs
        log_bad_mass = family.log_tilted_mass(here, above=eps)
        log_g[i] = log_bad_mass - family.log_tilted_mass(here)
        log_f[i] = log_bad_mass + special.logsumexp(-logs) - np.log(draws)
        effective[i] = np.exp(2.0 * special.logsumexp(-logs) - special.logsumexp(-2.0 * logs))
        # relative standard error of a mean: its variance over its square is 1/effective - 1/draws
        log_f_se[i] = np.sqrt(max(1.0 / effective[i] - 1.0 / draws, 0.0) * draws / (draws - 1.0))
    return PlantedFraction(
        n_examples=n.astype(np.int64),
        eps=float(eps),
        log_bad_fraction=log_f,
        log_bad_fraction_se=log_f_se,
        log_annealed_bad_fraction=log_g,
        effective_draws=effective,
        set_log_fraction=set_log_fraction,
    )
