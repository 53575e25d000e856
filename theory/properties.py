"""Checks of formulas of one's own, on drawn examples: exponents, learning curves, error densities, bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from .counterexamples import Breach, Example, Parameters, name_of, no_counterexample, shown
from .density_breaches import density_breach
from .error_density import ErrorDensity
from .hypothesis_extra import Settings
from .hypothesis_extra import strategies as st
from .local_exponents import local_exponent, points, reading
from .strategies import numbers_of_examples

Formula = Callable[..., Any]

_MASSES = (0.5, 0.75, 0.25, 0.9, 0.1, 0.99, 0.01)
_SHOWN = 4  # local exponents in a message
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


def _range(name: str, over: tuple[float, float], least: float) -> tuple[float, float]:
    low, high = over
    if not (least <= low and max(low, 1e-300) * 2 <= high < math.inf):
        raise ValueError(
            f"{name} must be two finite numbers from {least:g} on, the second twice the first, got {over}"
        )
    return low, high


def _tolerance(tolerance: float) -> float:
    if not 0 < tolerance < math.inf:
        raise ValueError(f"tolerance must be finite and positive, got {tolerance}")
    return tolerance


def scales_as(
    formula: Formula,
    exponent: float | Callable[..., float],
    *,
    over: tuple[float, float],
    parameters: Parameters = None,
    tolerance: float = 0.01,
    log_y: bool = False,
    settings: Settings | None = None,
) -> None:
    """Check that a formula is a power of x: at every x and for all parameters it falls or grows as it should.

    Its exponent between x and 2x must be within `tolerance` of the wanted one, everywhere in `over`. A factor
    in front costs nothing. A correction x^-w must have died out where the range begins; a factor (ln x)^q
    moves the exponent by q/ln x, so it is found where that is above the tolerance.

    Parameters
    ----------
    formula : callable
        ``formula(x, **parameters)`` for one x; a positive number.
    exponent : float or callable
        The wanted exponent, or ``exponent(**parameters)``.
    over : tuple of float
        Lowest and highest x, both positive. With two ints, x is always an int. Where the scale of x depends
        on parameters, such as n on d in d/n, write the formula in their ratio.
    parameters : mapping or strategy, optional
        Names to strategies or fixed values, or a strategy that draws such a mapping of values.
    tolerance : float, optional
        Largest difference of a local exponent.
    log_y : bool, optional
        Whether the formula gives the natural logarithm of the quantity.
    settings : hypothesis.settings, optional
        By default the loaded profile. There is never a deadline.

    Raises
    ------
    AssertionError
        If there is a counterexample, or the formula raises. The message holds the simplest example, and what
        its exponents over the range look like.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> from hypothesis import strategies as st
    >>> scales_as(lambda x, d: 3 * d / x, -1, over=(10, 1e6), parameters={"d": st.integers(1, 50)})
    >>> scales_as(lambda x: x**-1.5, -1, over=(10, 10**6))
    Traceback (most recent call last):
    AssertionError: the formula does not scale as x^-1 over [10, 1e+06]
      expected: an exponent within 0.01 of -1
      found: -1.5 between x = 10, where it is 0.0316228, and x = 20, where it is 0.0111803
      exponents from there on: -1.5 at 10, -1.5 at 500, -1.5 at 1e+04, -1.5 at 5e+05
      they settle, at -1.5
    """
    low, high = _range("over", over, 0.0)
    if low <= 0:
        raise ValueError(f"over must begin above 0, got {over}")
    _tolerance(tolerance)
    xs = points(low, high)
    name = name_of(formula)

    def breach(given: Example, _: Example) -> Breach | None:
        wanted = float(exponent(**given) if callable(exponent) else exponent)
        values: dict[float, float] = {}

        def log_curve(x: float) -> float:
            if x not in values:
                values[x] = float(formula(x, **given))
            if log_y:
                return values[x]
            return math.log(values[x]) if values[x] > 0 else math.nan

        for at in xs:
            found = local_exponent(log_curve, at)
            if not abs(found - wanted) <= tolerance:
                break
        else:
            return None
        kind = "its logarithm" if log_y else "it"
        between = ", and ".join(f"x = {x:g}, where {kind} is {shown(values[x])}" for x in (at, 2 * at))
        if not math.isfinite(found):
            return Breach("a finite logarithm" if log_y else "a positive number", between)
        rest = [x for x in xs if x >= at]
        exponents = np.array([local_exponent(log_curve, x) for x in rest])
        some = np.unique(np.linspace(0, len(rest) - 1, _SHOWN).round().astype(int))
        path = ", ".join(f"{exponents[i]:.4g} at {rest[i]:.4g}" for i in some)
        notes = [f"exponents from there on: {path}"] if len(some) > 1 else []
        if len(rest) > 2 and np.all(np.isfinite(exponents)):
            notes.append(reading(np.array(rest, dtype=np.float64), exponents, wanted, tolerance))
        return Breach(
            f"an exponent within {tolerance:g} of {wanted:.4g}",
            f"{found:.4g} between {between}",
            tuple(notes),
        )

    power = "it should" if callable(exponent) else f"x^{exponent:g}"
    claim = f"{name} does not scale as {power} over [{low:g}, {high:g}]"
    no_counterexample(claim, breach, parameters, settings)


def _one_less_the_survival(log_fraction: Formula, n: int, given: Example) -> tuple[float, float]:
    # 1 - Z_{n+1}/Z_n, and how far rounding of the two logarithms may move it
    now, then = (float(log_fraction(m, **given)) for m in (n, n + 1))
    if now == -math.inf:  # nobody is left, of whom nothing can be said
        return 0.0, math.inf
    return -math.expm1(then - now), _ROUNDING * max(1.0, abs(now))


def is_learning_curve(
    formula: Formula,
    *,
    log_fraction: Formula | None = None,
    over: tuple[int, int] = (0, 10_000),
    parameters: Parameters = None,
    tolerance: float = 1e-6,
    settings: Settings | None = None,
) -> None:
    """Check that a formula is a learning curve: errors in [0, 1] that never rise with the examples.

    With `log_fraction`, the logarithm of the fraction Z_n without error on n examples, that it is the mean
    error of these too: 1 - Z_{n+1}/Z_n, and Z_0 = 1, as in `learning_curve`.

    Parameters
    ----------
    formula : callable
        ``formula(n, **parameters)`` for one int n; an error.
    log_fraction : callable, optional
        ``log_fraction(n, **parameters)`` for one int n; ln Z_n, nats.
    over : tuple of int, optional
        Fewest and most examples.
    parameters : mapping or strategy, optional
        Names to strategies or fixed values, or a strategy that draws such a mapping of values.
    tolerance : float, optional
        Largest share of an error by which it may rise, or differ from 1 - Z_{n+1}/Z_n.
    settings : hypothesis.settings, optional
        By default the loaded profile. There is never a deadline.

    Raises
    ------
    AssertionError
        If there is a counterexample, or a formula raises. The message holds the simplest example.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> is_learning_curve(lambda n: 1 / (n + 2), log_fraction=lambda n: -math.log(n + 1))
    >>> is_learning_curve(lambda n: 1 / (n + 1), log_fraction=lambda n: -math.log(n + 1))
    Traceback (most recent call last):
    AssertionError: the formula is not a learning curve
      simplest example: n=0
      expected: 1 - Z_1/Z_0 = 0.5
      found: 1
      at n = 1 it is 1 - Z_1/Z_0: off by one example
    """
    low, high = (int(end) for end in _range("over", over, 0))
    _tolerance(tolerance)
    name = name_of(formula)

    def breach(given: Example, place: Example) -> Breach | None:
        n, later = place["n"], place["later"]
        error = float(formula(n, **given))
        if not 0.0 <= error <= 1.0:
            return Breach("an error in [0, 1]", shown(error))
        if log_fraction is not None:
            survival, rounding = _one_less_the_survival(log_fraction, n, given)
            if n == 0 and not abs(start := float(log_fraction(0, **given))) <= tolerance:
                return Breach("ln Z_0 = 0: no example, no error", f"ln Z_0 = {shown(start)}")
            if not abs(error - survival) <= tolerance * survival + rounding:
                next_error, notes = float(formula(n + 1, **given)), []
                for other in (n, n + 2):
                    shifted, _ = _one_less_the_survival(log_fraction, other, given)
                    if abs(next_error - shifted) <= tolerance * shifted + rounding:
                        notes.append(f"at n = {n + 1} it is 1 - Z_{other + 1}/Z_{other}: off by one example")
                return Breach(f"1 - Z_{n + 1}/Z_{n} = {shown(survival)}", shown(error), tuple(notes))
        if later > n and not (then := float(formula(later, **given))) - error <= tolerance * error:
            return Breach(f"at most {shown(error)} at n = {later}, as at n = {n}", shown(then))
        return None

    places = {
        "n": numbers_of_examples(least=low, most=high),
        "later": numbers_of_examples(least=low, most=high),
    }
    claim = f"{name} is not a learning curve"
    no_counterexample(claim, breach, parameters, settings, places=places, told=("n",))


def is_error_density(
    density: ErrorDensity | Callable[..., ErrorDensity],
    *,
    parameters: Parameters = None,
    over: tuple[int, int] = (0, 10_000),
    tolerance: float = 1e-6,
    settings: Settings | None = None,
) -> None:
    """Check that something is an `ErrorDensity`, and that all that it says of itself agrees.

    There is no mass outside the support and 1 within; Q integrates to differences of its distribution
    function, and that to the mean; quantiles, and draws, follow it. After n examples the density is
    Q (1-E)^n / Z_n (but for counts, which are of other examples then), its mean 1 - Z_{n+1}/Z_n.

    Parameters
    ----------
    density : ErrorDensity or callable
        One density, or ``density(**parameters)``, such as a class.
    parameters : mapping or strategy, optional
        Names to strategies or fixed values, or a strategy that draws such a mapping of values.
    over : tuple of int, optional
        Fewest and most examples n; not beyond the `largest_n` of a density that has one.
    tolerance : float, optional
        Largest difference of two masses, and largest share by which two means differ.
    settings : hypothesis.settings, optional
        By default the loaded profile. There is never a deadline.

    Raises
    ------
    AssertionError
        If there is a counterexample, or the density raises. The message holds the simplest example. That
        draws follow the density is tested on 2,000 of them, at an error of 1e-9.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> from hypothesis import strategies as st
    >>> from genlaws.theory import BetaErrorDensity
    >>> shapes = st.floats(0.5, 50)
    >>> is_error_density(BetaErrorDensity, parameters={"a": shapes, "b": shapes})
    """
    low, high = (int(end) for end in _range("over", over, 0))
    _tolerance(tolerance)
    # a class has the methods, too
    made = isinstance(density, ErrorDensity) and not isinstance(density, type)

    def breach(given: Example, place: Example) -> Breach | None:
        one = density if made else cast(Callable[..., ErrorDensity], density)(**given)
        first, second = sorted(place["masses"])
        return density_breach(
            one, low=first, high=second, n=place["n"], seed=place["seed"], tolerance=tolerance
        )

    places = {
        "masses": st.lists(st.sampled_from(_MASSES), min_size=2, max_size=2, unique=True),
        "n": numbers_of_examples(least=low, most=high),
        "seed": st.integers(0, 2**32 - 1),
    }
    no_counterexample(
        f"{name_of(density)} is not an error density", breach, parameters, settings, places=places
    )


def bounds(
    upper: Formula,
    exact: Formula,
    *,
    parameters: Parameters,
    tolerance: float = 1e-9,
    settings: Settings | None = None,
) -> None:
    """Check that one formula is never below another: an upper bound, for all parameters.

    Parameters
    ----------
    upper, exact : callable
        ``upper(**parameters)`` and ``exact(**parameters)``: numbers, or logarithms of both. Infinities are
        allowed, NaN is not.
    parameters : mapping or strategy
        Names to strategies or fixed values, or a strategy that draws such a mapping of values.
    tolerance : float, optional
        Largest excess that counts as rounding, as a share of the larger of 1 and the bound.
    settings : hypothesis.settings, optional
        By default the loaded profile. There is never a deadline.

    Raises
    ------
    AssertionError
        If there is a counterexample, or a formula raises. The message holds the simplest example.
    ValueError
        If `tolerance` is not positive.

    Examples
    --------
    >>> from hypothesis import strategies as st
    >>> unit = {"x": st.floats(0, 1)}
    >>> bounds(lambda x: math.exp(-x), lambda x: 1 - x, parameters=unit)
    """
    _tolerance(tolerance)
    names = name_of(upper), name_of(exact)

    def breach(given: Example, _: Example) -> Breach | None:
        above, below = float(upper(**given)), float(exact(**given))
        if math.isnan(above) or math.isnan(below):
            return Breach("two numbers", f"{shown(above)} as the bound of {shown(below)}")
        slack = tolerance * max(1.0, abs(above)) if math.isfinite(above) else 0.0
        if below <= above + slack:
            return None
        excess = f"{shown(above)}, which is below it by {shown(below - above)}"
        return Breach(f"a bound of at least {shown(below)}", excess)

    upper_name, exact_name = names if names[0] != names[1] else ("the first formula", "the second")
    claim = f"{upper_name} is no upper bound of {exact_name}"
    no_counterexample(claim, breach, parameters, settings)
