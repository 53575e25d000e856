"""What may be wrong with an error density: its mass, its distribution, its mean, its draws, its tilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .counterexamples import Breach, shown
from .counts import CountErrorDensity
from .error_density import ErrorDensity

FloatArray = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_DRAWS = 2000
# by which the distribution function of so many draws is off once in 1e9 times (Dvoretzky-Kiefer-Wolfowitz)
_LARGEST_DISTANCE = float(np.sqrt(np.log(2e9) / (2 * _DRAWS)))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_ROUNDS, _MOST_PANELS = 40, 500
_OUTSIDE = 0.01
_GRADES = 14
_NOTHING = -700.0  # ln of a mass that floats hold as zero
# of a mean: its integral is no better where the distribution function has kinks
_MEAN_WITHIN = 1e-4


def _panels(function: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    at = 0.5 * ((high - low)[:, None] * _NODES + (high + low)[:, None])
    return np.asarray(0.5 * (high - low) * (function(at.ravel()).reshape(at.shape) @ _WEIGHTS))


def _graded(low: float, middle: float, high: float) -> FloatArray:
    # ends of panels that grow from the middle, where what is narrow lies, towards both sides
    steps = 4.0 ** -np.arange(_GRADES)
    return np.unique(
        np.concatenate([middle + (low - middle) * steps, [middle], middle + (high - middle) * steps])
    )


def _integral(
    function: Callable[[FloatArray], FloatArray],
    ends: FloatArray,
    within: float,
    primitive: Callable[[FloatArray], FloatArray] | None = None,
) -> float:
    # Panels are halved, all of one round at once, until their halves add up to the whole; where there is a
    # primitive until they add up to its increase, which no jump of the function can hide.
    left, right = ends[:-1], ends[1:]
    whole, done = _panels(function, left, right), 0.0
    for _ in range(_ROUNDS):
        middle = 0.5 * (left + right)
        halves = np.stack([_panels(function, left, middle), _panels(function, middle, right)])
        wanted = whole if primitive is None else primitive(right) - primitive(left)
        rough = ~(np.abs(halves.sum(axis=0) - wanted) <= within)
        done += float(np.sum(halves[:, ~rough]))
        left, right = np.append(left[rough], middle[rough]), np.append(middle[rough], right[rough])
        whole = halves[:, rough].ravel()
        if not 0 < len(whole) <= _MOST_PANELS:
            break
    return done + float(np.sum(whole))


def _mass_between(density: ErrorDensity, low: float, middle: float, high: float, within: float) -> float:
    """Integral of Q from `low` to `high`, inside the support, in ln((E - minimum)/(maximum - E))."""
    least, width = density.minimum, density.maximum - density.minimum

    def slice_of(t: FloatArray) -> FloatArray:
        E = least + width * special.expit(t)
        return np.asarray(np.exp(density.log_pdf(E)) * width * special.expit(t) * special.expit(-t))

    def mass_up_to(t: FloatArray) -> FloatArray:
        return np.asarray(np.exp(density.log_cdf(least + width * special.expit(t))))

    t = [float(np.log((E - least) / (density.maximum - E))) for E in (low, middle, high)]
    return _integral(slice_of, _graded(t[0], t[1], t[2]), within, mass_up_to)


def _mean_from_distribution(density: ErrorDensity, middle: float, within: float) -> float:
    """Least error, and the integral of the mass above E from there on."""

    def above(E: FloatArray) -> FloatArray:
        return np.asarray(np.exp(density.log_sf(E)))

    return density.minimum + _integral(above, _graded(density.minimum, middle, density.maximum), within)


def _support(density: ErrorDensity) -> Iterator[Breach]:
    low, high = density.minimum, density.maximum
    if not 0.0 <= low <= high <= 1.0:
        yield Breach("0 <= minimum <= maximum <= 1", f"minimum {shown(low)}, maximum {shown(high)}")
    for E in (low - _OUTSIDE, high + _OUTSIDE):
        if not np.isneginf(density.log_pdf(E)):
            yield Breach(f"no mass outside [{low:g}, {high:g}]", f"Q({E:g}) = {np.exp(density.log_pdf(E)):g}")
    for E, below in ((low - _OUTSIDE, 0.0), (high, 1.0)):
        found = float(np.exp(density.log_cdf(E)))
        if not abs(found - below) <= 64 * _EPS:
            yield Breach(f"a mass of {below:g} up to {E:g}", shown(found))


def _atoms(density: ErrorDensity, p: FloatArray, E: FloatArray, tolerance: float) -> Iterator[Breach]:
    atoms = np.asarray(density.atoms)
    mass = np.exp(density.log_pdf(atoms))
    if not abs(np.sum(mass) - 1) <= tolerance:
        yield Breach("atoms of mass 1 in all", shown(float(np.sum(mass))))
    for at, wanted, found in zip(atoms, np.cumsum(mass), np.exp(density.log_cdf(atoms)), strict=True):
        if not abs(found - wanted) <= tolerance:
            yield Breach(f"a mass of {wanted:.6g} up to {at:.6g}, the sum of atoms", shown(float(found)))
    if not abs(density.mean() - mass @ atoms) <= tolerance:
        yield Breach(f"a mean of {mass @ atoms:.6g}, that of the atoms", shown(density.mean()))
    up_to, here = np.exp(density.log_cdf(E)), np.exp(density.log_pdf(E))
    for wanted, at, most, own in zip(p, E, up_to, here, strict=True):
        if not most - own - tolerance <= wanted <= most + tolerance:
            expected = f"the atom at which the mass reaches {wanted:g}"
            yield Breach(expected, f"{at:.6g}, up to which it is {most:.6g}")


def _continuum(density: ErrorDensity, p: FloatArray, E: FloatArray, tolerance: float) -> Iterator[Breach]:
    log_pdf, mass = density.log_pdf(E), np.exp(density.log_cdf(E))
    if np.any(np.isnan(log_pdf)):
        yield Breach(f"a density at E = {E[np.isnan(log_pdf)][0]:.6g}", "NaN")
    # a float near E may lie a little off the wanted mass
    slack = tolerance + 8 * _EPS * E * np.exp(log_pdf)
    for wanted, found, at, off in zip(p, mass, E, slack, strict=True):
        if not abs(found - wanted) <= off:
            yield Breach(f"a mass of {wanted:g} up to its quantile, {at:.6g}", shown(float(found)))
    if density.minimum < E[0] < E[-1] < density.maximum:
        integral = _mass_between(density, E[0], E[1], E[-1], tolerance / 64)
        if not abs(integral - (mass[-1] - mass[0])) <= np.max(slack):
            where = f"from E = {E[0]:.6g} to {E[-1]:.6g}"
            expected = f"Q to integrate to {mass[-1] - mass[0]:.6g} {where}, as its distribution says"
            yield Breach(expected, shown(integral))
    mean = density.mean()
    within = max(tolerance, _MEAN_WITHIN) * mean
    integral = _mean_from_distribution(density, E[1], within / 64)
    if not abs(integral - mean) <= within:
        yield Breach(f"a mean of {integral:.6g}, the integral of the mass above E", shown(mean))


def _complement(density: ErrorDensity, E: FloatArray, tolerance: float) -> Iterator[Breach]:
    both = np.logaddexp(density.log_cdf(E), density.log_sf(E))
    for at, total in zip(E, both, strict=True):
        if not abs(total) <= tolerance:
            yield Breach(f"mass up to and above {at:.6g} that adds up to 1", shown(float(np.exp(total))))


def _draws(density: ErrorDensity, seed: int) -> Iterator[Breach]:
    drawn = density.sample(_DRAWS, rng=seed)
    if np.shape(drawn) != (_DRAWS,):
        yield Breach(f"draws of shape ({_DRAWS},)", f"{np.shape(drawn)}")
    if not np.array_equal(drawn, density.sample(_DRAWS, rng=seed)):
        yield Breach("equal draws from equal seeds", f"others at seed {seed}")
    inside = (drawn >= density.minimum) & (drawn <= density.maximum)
    if not np.all(inside):
        allowed = f"draws in [{density.minimum:g}, {density.maximum:g}]"
        yield Breach(allowed, shown(float(drawn[~inside][0])))
    E, times = np.unique(drawn, return_counts=True)
    off = np.cumsum(times) / _DRAWS - np.exp(density.log_cdf(E))
    worst = int(np.argmax(np.abs(off)))
    if not abs(off[worst]) <= _LARGEST_DISTANCE:
        share = float(np.exp(density.log_cdf(E[worst])))
        expected = f"a share of {share:.3g} of {_DRAWS} draws up to E = {E[worst]:.3g}"
        yield Breach(expected, f"{share + off[worst]:.3g}, too far off for chance")


def _tilt(density: ErrorDensity, n: int, E: float, tolerance: float) -> Iterator[Breach]:
    Z = density.log_zero_error_fraction(np.array([0.0, n, n + 1.0]))
    if not abs(Z[0]) <= tolerance:
        yield Breach("ln Z_0 = 0: no example, no error", f"ln Z_0 = {shown(float(Z[0]))}")
    if np.isneginf(Z[1]):
        return  # nobody is left, of whom nothing can be said
    curve = float(density.mean_given_zero_errors(n))
    survival = -float(np.expm1(Z[2] - Z[1]))
    if not abs(curve - survival) <= tolerance * survival + 8 * _EPS * max(1.0, abs(Z[1])):
        yield Breach(f"a mean error of 1 - Z_{n + 1}/Z_{n} = {shown(survival)}", shown(curve))
    tilted = density.given_zero_errors(n)
    if not abs(tilted.mean() - curve) <= tolerance * curve:
        yield Breach(f"a mean of {shown(curve)} after {n} examples", shown(tilted.mean()))
    bad = np.exp([density.log_bad_fraction_given_zero_errors(n, E), tilted.log_sf(E)])
    if not abs(bad[0] - bad[1]) <= tolerance:
        yield Breach(f"a mass of {bad[1]:.6g} above {E:.6g} after {n} examples", shown(float(bad[0])))
    if isinstance(density, CountErrorDensity):
        return  # counts on other examples, not the same errors
    terms = np.array([density.log_pdf(E), special.xlog1py(n, -E), -Z[1]])
    found = float(tilted.log_pdf(E))
    if found < _NOTHING and np.sum(terms) < _NOTHING:
        return
    # of the terms, and of 1 - E
    rounding = 64 * _EPS * (float(np.sum(np.abs(terms))) + n / max(1.0 - E, _EPS))
    if not abs(found - np.sum(terms)) <= tolerance + rounding:
        expected = f"ln Q(E) + {n} ln(1 - E) - ln Z_{n} = {shown(float(np.sum(terms)))}"
        yield Breach(f"{expected} at E = {E:.6g}", shown(found))


def density_breach(
    density: object, *, low: float, high: float, n: int, seed: int, tolerance: float
) -> Breach | None:
    """The first thing found wrong with an error density, None if nothing is.

    Parameters
    ----------
    density : object
        What should be an `ErrorDensity`.
    low, high : float
        Masses in (0, 1) between whose quantiles it is looked at.
    n : int
        Examples of the tilt; fewer where the density has a smaller `largest_n`.
    seed : int
        Of the draws.
    tolerance : float
        Largest difference of two masses, and largest share by which two means differ.
    """
    if not isinstance(density, ErrorDensity):
        wanted = sorted(name for name in vars(ErrorDensity) if not name.startswith("_"))
        missing = ", ".join(name for name in wanted if not hasattr(density, name))
        return Breach("an ErrorDensity", f"{type(density).__name__}, which lacks {missing}")

    def all_breaches() -> Iterator[Breach]:
        yield from _support(density)
        p = np.array([low, 0.5 * (low + high), high])
        E = density.quantile(p)
        yield from (_continuum if density.atoms is None else _atoms)(density, p, E, tolerance)
        yield from _complement(density, E, tolerance)
        yield from _draws(density, seed)
        most = min(float(n), float(getattr(density, "largest_n", np.inf)) - 1)
        if most >= 0:
            yield from _tilt(density, int(most), float(E[0]), tolerance)

    return next(all_breaches(), None)
