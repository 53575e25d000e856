"""Hypothesis strategies: error densities, laws, covariances, mean fields, training sets; simplest first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from .closed_forms import BetaErrorDensity, PowerEdgeErrorDensity
from .counts import CountErrorDensity
from .curves import Constant, Divergence, ExponentialDecay, LogarithmicDecay, LogarithmicGrowth
from .error_density import ErrorDensity
from .exponential_forms import ExponentialEdgeErrorDensity, TruncatedGaussianErrorDensity
from .hypothesis_extra import DrawFn, SearchStrategy
from .hypothesis_extra import strategies as st
from .laws import Law
from .linear_laws import Linear
from .mean_field import MeanField, critical_weight_variance
from .measured import AtomicErrorDensity, SampledErrorDensity
from .perceptron_density import BinaryPerceptronErrorDensity, PerceptronErrorDensity
from .power_laws import PowerLaw, PowerLawWithCorrection, PowerLawWithPlateau
from .relations import (
    ClosedCurve,
    EqualDistributions,
    EqualWithinMargin,
    LowerBound,
    Ordering,
    UpperBound,
)
from .tabulated import TabulatedErrorDensity
from .trends import InteriorPeak, Monotone

FloatArray = NDArray[np.float64]
Phase = Literal["ordered", "critical", "chaotic"]
MeanFieldActivation = Literal["erf", "relu", "tanh"]

_MOST_EXAMPLES = 10**12
_ENOUGH_DRAWS = 30  # draws are not believed with fewer
_LARGEST_ENTRY = 3  # of inputs and of reflected directions


def _round_numbers(low: float, high: float) -> list[float]:
    # 1, 2, 5, 10, ... from 1 on, then those below 1: simple ones first
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    numbers = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return sorted((x for x in numbers if low <= x <= high), key=lambda x: (x < 1, abs(np.log(x))))


def _sizes(low: float, high: float) -> SearchStrategy[float]:
    # positive numbers over many powers of ten, of which floats alone would see the largest only
    return st.sampled_from(_round_numbers(low, high)) | st.floats(low, high)


@st.composite
def _draws(draw: DrawFn, values: SearchStrategy[Any]) -> list[Any]:
    # a few different values, each drawn several times, of which at least one often enough
    distinct = draw(st.lists(values, min_size=1, max_size=6, unique=True))
    copies = [draw(st.integers(1, 2 * _ENOUGH_DRAWS)) for _ in distinct]
    copies[0] += _ENOUGH_DRAWS - 1
    return [value for value, times in zip(distinct, copies, strict=True) for _ in range(times)]


@st.composite
def _atoms(draw: DrawFn) -> AtomicErrorDensity:
    errors = draw(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
    return AtomicErrorDensity(errors, [draw(_sizes(1e-9, 1.0)) for _ in errors])


@st.composite
def _counts(draw: DrawFn) -> CountErrorDensity:
    held_out = draw(st.integers(10, 200))
    return CountErrorDensity(draw(_draws(st.integers(0, held_out))), held_out)


@st.composite
def _tables(draw: DrawFn) -> TabulatedErrorDensity:
    errors = sorted(draw(st.lists(st.integers(5, 95), min_size=3, max_size=12, unique=True)))
    E = [percent / 100 for percent in errors]
    edge = draw(st.none() | _sizes(0.5, 5.0))
    heights = st.floats(-30.0, 3.0)
    if draw(st.booleans()):
        # of the mass up to each entry, all of it at the last
        steps = np.logaddexp.accumulate([draw(heights) for _ in E])
        return TabulatedErrorDensity(E, log_cdf=steps - steps[-1], edge_exponent=edge, minimum=0.02)
    lowest = None if edge is None else 0.02
    return TabulatedErrorDensity(
        E, log_density=[draw(heights) for _ in E], edge_exponent=edge, minimum=lowest
    )


_MINIMA = st.just(0.0) | st.floats(1e-6, 0.4)
_MAXIMA = st.just(1.0) | st.floats(0.5, 1.0)
_RATES = st.floats(-1e3, 1e5) | _sizes(1e-2, 1e5)
_ERROR_DENSITIES: dict[type, SearchStrategy[Any]] = {
    BetaErrorDensity: st.builds(BetaErrorDensity, _sizes(0.2, 200.0), _sizes(0.2, 200.0), _MINIMA),
    PowerEdgeErrorDensity: st.builds(PowerEdgeErrorDensity, _sizes(0.2, 200.0), _MINIMA, _MAXIMA),
    ExponentialEdgeErrorDensity: st.builds(ExponentialEdgeErrorDensity, _RATES, _MINIMA, _MAXIMA),
    TruncatedGaussianErrorDensity: st.builds(
        TruncatedGaussianErrorDensity, st.floats(-1.0, 1.5), _sizes(1e-3, 2.0), _MINIMA, _MAXIMA
    ),
    PerceptronErrorDensity: st.builds(PerceptronErrorDensity, st.integers(2, 3000)),
    BinaryPerceptronErrorDensity: st.builds(BinaryPerceptronErrorDensity, st.integers(1, 300)),
    AtomicErrorDensity: _atoms(),
    SampledErrorDensity: st.builds(SampledErrorDensity, _draws(st.floats(0.0, 1.0))),
    CountErrorDensity: _counts(),
    TabulatedErrorDensity: _tables(),
}

_SIGNED = st.floats(-3.0, 3.0)
_NOT_ZERO = st.builds(lambda size, sign: sign * size, _sizes(0.05, 6.0), st.sampled_from([-1.0, 1.0]))
_LAWS: dict[type, SearchStrategy[Any]] = {
    Constant: st.builds(Constant, st.floats(-1e3, 1e3)),
    PowerLaw: st.builds(PowerLaw, _SIGNED, log_y=st.booleans()),
    PowerLawWithPlateau: st.builds(PowerLawWithPlateau, _NOT_ZERO),
    PowerLawWithCorrection: st.builds(PowerLawWithCorrection, _SIGNED, _sizes(0.05, 2.0)),
    ExponentialDecay: st.builds(
        ExponentialDecay, _sizes(1e-3, 1e3), st.just(0.0) | st.none() | _SIGNED, st.booleans()
    ),
    Linear: st.builds(Linear, st.floats(-1e3, 1e3)),
    LogarithmicGrowth: st.builds(LogarithmicGrowth, st.floats(-1e3, 1e3)),
    LogarithmicDecay: st.builds(LogarithmicDecay, _SIGNED),
    Divergence: st.builds(Divergence, _sizes(0.05, 6.0), st.none() | st.floats(-10.0, 10.0), st.booleans()),
    UpperBound: st.builds(UpperBound, st.booleans()),
    LowerBound: st.builds(LowerBound, st.booleans()),
    Ordering: st.builds(Ordering, st.booleans(), st.booleans()),
    EqualWithinMargin: st.builds(EqualWithinMargin, st.booleans()),
    ClosedCurve: st.builds(ClosedCurve, st.sampled_from([np.reciprocal, np.sqrt, np.log1p]), st.booleans()),
    EqualDistributions: st.just(EqualDistributions()),
    Monotone: st.builds(Monotone, st.booleans()),
    InteriorPeak: st.builds(InteriorPeak, _sizes(1e-3, 1e3)),
}


def _of(known: dict[type, SearchStrategy[Any]], forms: tuple[type, ...]) -> SearchStrategy[Any]:
    for form in forms:
        if form not in known:
            names = ", ".join(sorted(each.__name__ for each in known))
            raise ValueError(f"forms must be among {names}, got {getattr(form, '__name__', form)}")
    return st.one_of([known[form] for form in forms or known])


def error_densities(*forms: type) -> SearchStrategy[ErrorDensity]:
    """Error densities of every form in `genlaws.theory`, or of the given ones.

    Closed forms with exponents of 0.2 to 200, edges from 0 to 0.4, and widths down to 1e-3; perceptrons of up
    to 3,000 weights; finite sets; and measured densities, which have a `largest_n`: draw n for one from
    `numbers_of_examples`. None is tilted. Shrinks to a uniform density.

    Parameters
    ----------
    *forms : type
        Classes such as `BetaErrorDensity`; all of them by default.

    Raises
    ------
    ValueError
        If a class is no error density of `genlaws.theory`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(error_densities())
    ... def test_means_are_errors(density):
    ...     assert density.minimum <= density.mean() <= density.maximum
    """
    found: SearchStrategy[ErrorDensity] = _of(_ERROR_DENSITIES, forms)
    return found


def numbers_of_examples(
    density: ErrorDensity | None = None, *, least: int = 0, most: int = _MOST_EXAMPLES
) -> SearchStrategy[int]:
    """Whole numbers of examples, small ones and powers of ten alike.

    Parameters
    ----------
    density : ErrorDensity, optional
        What must be able to answer for them: where it has a `largest_n`, none is beyond.
    least, most : int, optional
        Smallest and largest number.

    Raises
    ------
    ValueError
        If no number is left.
    """
    largest = int(min(most, getattr(density, "largest_n", most)))
    if not 0 <= least <= largest:
        raise ValueError(f"least must be a number from 0 to {largest}, got {least}")
    small = st.integers(least, min(largest, least + 100))
    round_ones = [int(x) for x in _round_numbers(1.0, max(largest, 1)) if least <= x <= largest]
    return small | st.sampled_from(round_ones) | st.integers(least, largest) if round_ones else small


def laws(*forms: type) -> SearchStrategy[Law]:
    """Laws of every form in `genlaws.theory`, or of the given ones, with parameters all over their range.

    Parameters
    ----------
    *forms : type
        Classes such as `PowerLaw`; all of them by default.

    Raises
    ------
    ValueError
        If a class is no law of `genlaws.theory`.
    """
    found: SearchStrategy[Law] = _of(_LAWS, forms)
    return found


def _reflected(matrix: FloatArray, direction: list[int]) -> FloatArray:
    # by the plane across a direction, from both sides
    v = np.asarray(direction, dtype=np.float64)
    if not v.any():
        return matrix
    reflection = np.eye(len(v)) - 2.0 * np.outer(v, v) / (v @ v)
    return np.asarray(reflection @ matrix @ reflection)


@st.composite
def covariances(
    draw: DrawFn, size: int | None = None, *, most: int = 6, largest_condition: float = 1e6
) -> FloatArray:
    """Positive definite matrices with a known range of eigenvalues: [1 / largest_condition, 1].

    A diagonal matrix, reflected by a few planes of whole-numbered directions. Shrinks to the identity.

    Parameters
    ----------
    size : int, optional
        Rows; by default drawn from 1 to `most`.
    most : int, optional
        Most rows where `size` is not given.
    largest_condition : float, optional
        Largest ratio of two eigenvalues, at least 1.

    Returns
    -------
    strategy of ndarray, shape (size, size)
        Symmetric to the last bit.

    Raises
    ------
    ValueError
        If an argument is out of its range (when the strategy is first drawn from).
    """
    if not (np.isfinite(largest_condition) and largest_condition >= 1):
        raise ValueError(f"largest_condition must be finite and at least 1, got {largest_condition}")
    if (most if size is None else size) < 1:
        raise ValueError(f"size must be at least 1, got {most if size is None else size}")
    rows = draw(st.integers(1, most)) if size is None else size
    decades = np.log10(largest_condition)
    eigenvalues = [10.0 ** -draw(st.floats(0.0, float(decades))) for _ in range(rows)]
    entries = st.integers(-_LARGEST_ENTRY, _LARGEST_ENTRY)
    directions = draw(st.lists(st.lists(entries, min_size=rows, max_size=rows), max_size=rows))
    matrix = np.diag(eigenvalues)
    for direction in directions:
        matrix = _reflected(matrix, direction)
    return np.asarray(0.5 * (matrix + matrix.T))


@st.composite
def mean_fields(
    draw: DrawFn,
    *phases: Phase,
    activations: Collection[MeanFieldActivation] = ("erf", "relu"),
    dropout: bool = True,
) -> MeanField:
    """Mean fields in every phase, or in the given ones, at 0.05 to 3 times the critical weight variance.

    Dropout divides squares by `keep`, so that the phase at a weight variance with dropout is the phase at
    weight variance / keep without. ReLU has no chaotic phase, and a critical point only without biases.

    Parameters
    ----------
    *phases : {"ordered", "critical", "chaotic"}
    activations : collection of {"erf", "relu", "tanh"}, optional
        Tanh has no closed form, and takes a tenth of a second for each example.
    dropout : bool, optional
        Whether some have dropout, `keep` of 0.5 to 1.

    Raises
    ------
    ValueError
        If no activation, a phase or an activation is not among these, or none of the activations has a phase
        (when the strategy is first drawn from).
    """
    wanted = phases or get_args(Phase)
    for names, allowed in ((wanted, get_args(Phase)), (activations, get_args(MeanFieldActivation))):
        if not names or not set(names) <= set(allowed):
            raise ValueError(f"must be among {', '.join(allowed)}, got {', '.join(names) or 'none'}")
    pairs = [
        (phase, name) for name in activations for phase in wanted if (phase, name) != ("chaotic", "relu")
    ]
    if not pairs:
        raise ValueError("activations must have a chaotic phase, got relu alone")
    phase, activation = draw(st.sampled_from(pairs))
    bias = draw(_sizes(0.01, 2.0))
    if activation != "relu":
        critical = critical_weight_variance(activation, bias_variance=bias)
    else:
        bias, critical = 0.0 if phase == "critical" else bias, 2.0
    factors = {"ordered": st.floats(0.05, 0.95), "critical": st.just(1.0), "chaotic": st.floats(1.05, 3.0)}
    keep = draw(st.just(1.0) | st.floats(0.5, 1.0)) if dropout else 1.0
    variance = critical * draw(factors[phase]) * keep
    return MeanField(activation, weight_variance=variance, bias_variance=bias, keep=keep)


class TrainingSet(NamedTuple):
    """Examples for a linear classifier through the origin.

    Attributes
    ----------
    inputs : ndarray, shape (examples, dimension)
        Whole numbers, as floats: signs of margins with whole-numbered weights are exact.
    labels : ndarray, shape (examples,)
        -1.0 or 1.0.
    """

    inputs: FloatArray
    labels: FloatArray


@st.composite
def training_sets(
    draw: DrawFn, *, separable: bool | None = None, most_examples: int = 8, most_dimension: int = 4
) -> TrainingSet:
    """Small training sets of whole-numbered inputs, none of them zero, with labels -1 and 1.

    Parameters
    ----------
    separable : bool, optional
        True: some w has y w.x >= 1 on every example. False: no w has y w.x > 0 on every example. By default
        labels are drawn freely.
    most_examples, most_dimension : int, optional
        At least 2 examples and 1 dimension.

    Returns
    -------
    strategy of TrainingSet
        Shrinks to the input (1,) with the label 1 where it may be separable, else to that input with both
        labels.

    Raises
    ------
    ValueError
        If a size is out of its range (when the strategy is first drawn from).
    """
    if most_examples < 2 or most_dimension < 1:
        raise ValueError(
            f"there must be room for 2 examples and 1 dimension, got {most_examples} and {most_dimension}"
        )
    dimension = draw(st.integers(1, most_dimension))
    vector = st.lists(
        st.integers(-_LARGEST_ENTRY, _LARGEST_ENTRY), min_size=dimension, max_size=dimension
    ).map(lambda entries: entries if any(entries) else [1, *entries[1:]])
    rows = st.lists(vector, min_size=1, max_size=most_examples - (separable is False))
    x = np.array(draw(rows), dtype=np.float64)
    if separable:
        teacher = np.array(draw(vector), dtype=np.float64)
        # what the teacher cannot tell is moved to its own side
        x[x @ teacher == 0] += teacher
        return TrainingSet(x, np.sign(x @ teacher))
    y = np.array([draw(st.sampled_from([1.0, -1.0])) for _ in x])
    if separable is None:
        return TrainingSet(x, y)
    # weights a >= 0, not all zero, with sum a y x = 0 rule a separating w out
    last = -(y @ x)
    label = 1.0
    if not last.any():  # so they do already
        last, label = x[0], -y[0]
    place = draw(st.integers(0, len(x)))
    return TrainingSet(np.insert(x, place, last, axis=0), np.insert(y, place, label))
