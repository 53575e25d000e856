"""The score of a curve law: its parameter, with an error clustered by replicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from genlaws.theory.laws import CurveLaw
from genlaws.theory.power_laws import PowerLaw, PowerLawWithCorrection

from .components import Component, component_from_draws
from .fits import curve_weights, fit_curves, fit_space_slope, predict_curves, replicate_values
from .replicates import ReplicateTable

FloatArray = NDArray[np.float64]

_MANY_CLUSTERS = 20  # cluster-robust intervals with fewer cover too little
_DRAWS = 399


def _scores(law: CurveLaw, x: FloatArray, values: FloatArray, weights: FloatArray) -> FloatArray:
    fit = fit_curves(law, x, values, weights)
    return np.asarray(law.score_of(fit.shape, fit.coefficients))


def _sampler_se(law: CurveLaw, table: ReplicateTable, weights: FloatArray) -> float:
    """What the samplers' own errors alone leave on the score of a linear law, 0 if they are not known."""
    if table.se is None:
        return 0.0
    influence = _scores(law, table.x, np.eye(len(table.x)) + law.offset(table.x), weights)
    own = fit_space_slope(law, table.mean) * table.se
    return float(np.sqrt(np.sum((influence * own) ** 2)))


def _clustered(law: CurveLaw, table: ReplicateTable, values: FloatArray, weights: FloatArray) -> Component:
    """Regression on all rows, errors clustered by replicate."""
    from statsmodels.regression.linear_model import WLS

    shape = law.shapes(table.x)[:1]
    replicate, place = np.nonzero(~np.isnan(values))
    target = (values - law.offset(table.x))[replicate, place]
    model = WLS(target, law.basis(table.x, shape)[0][place], weights=weights[place])
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": replicate}, use_t=True)
    contrast = law.score_of(np.broadcast_to(shape, (law.parameters,)), np.eye(law.parameters))
    test = fit.t_test(contrast)
    return Component(float(test.effect[0]), float(test.sd[0, 0]), table.clusters - 1.0)


def _fitted_one_by_one(
    law: CurveLaw, table: ReplicateTable, values: FloatArray, weights: FloatArray
) -> Component:
    """A fit to what each replicate contributes, and Student t over the fits."""
    if not np.any(np.isnan(values)):
        scores = _scores(law, table.x, values, weights)
    else:
        scores = np.array(
            [
                _scores(law, table.x[seen], row[None, seen], weights[seen])[0]
                for row, seen in zip(values, ~np.isnan(values), strict=True)
            ]
        )
    se = float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    return Component(float(np.mean(scores)), se, len(scores) - 1.0)


def _jackknifed(law: CurveLaw, table: ReplicateTable, weights: FloatArray) -> Component:
    """Fits to the means over all replicates but one: for replicates that cannot be fitted alone."""
    many, precision = table.clusters, weights * table.count
    full = float(_scores(law, table.x, law.to_fit(table.mean)[None], precision)[0])
    present = ~np.isnan(table.y)
    left_out = np.empty(many)
    for replicate in range(many):
        rest = np.delete(table.y, replicate, axis=0)
        count = np.delete(present, replicate, axis=0).sum(axis=0)
        seen = count > 0
        mean = np.nansum(rest[:, seen], axis=0) / count[seen]
        left_out[replicate] = _scores(law, table.x[seen], law.to_fit(mean)[None], (weights * count)[seen])[0]
    se = float(np.sqrt((many - 1) / many * np.sum((left_out - full) ** 2)))
    # single-x replicates leave as many degrees of freedom as a regression on them would
    degrees = many - 1.0 if np.all(present.sum(axis=1) > 1) else many - float(law.parameters)
    return Component(full, se, max(degrees, 1.0))


def _one_replicate(law: CurveLaw, table: ReplicateTable, weights: FloatArray) -> Component:
    """The samplers' own errors, widened where the curve scatters by more."""
    precision = weights * table.count
    values = law.to_fit(table.mean)[None]
    fit = fit_curves(law, table.x, values, precision)
    estimate = float(law.score_of(fit.shape, fit.coefficients)[0])
    own = fit_space_slope(law, table.mean) * (table.se if table.se is not None else np.nan)
    squares = ((values - predict_curves(law, table.x, fit))[0] / own) ** 2
    degrees = len(table.x) - law.parameters
    excess = max(1.0, float(np.sum(squares)) / degrees) if degrees > 0 else 1.0
    return Component(estimate, _sampler_se(law, table, precision) * float(np.sqrt(excess)))


def _linear_component(law: CurveLaw, table: ReplicateTable, weights: FloatArray) -> Component:
    values = replicate_values(law, table)
    if table.clusters >= _MANY_CLUSTERS:
        return _clustered(law, table, values, weights)
    if int(np.sum(~np.isnan(values), axis=1).min()) >= law.parameters:
        return _fitted_one_by_one(law, table, values, weights)
    return _jackknifed(law, table, weights)


def _bootstrapped(
    law: CurveLaw, table: ReplicateTable, precision: FloatArray, estimate: float, rng: np.random.Generator
) -> Component:
    means = table.means_resampled(_DRAWS, rng)
    if means is None:
        raise ValueError("a measurement needs two replicates at each x, or standard errors, got neither")
    return component_from_draws(
        estimate, _scores(law, table.x, law.to_fit(means), precision), stretch=table.stretch
    )


def _without_correction(law: CurveLaw, table: ReplicateTable) -> Mapping[str, float]:
    """The exponent that a power law has alone where the claimed one has a correction: papers print both."""
    if not isinstance(law, PowerLawWithCorrection) or table.clusters < 2 or np.any(table.mean <= 0):
        return {}
    plain = PowerLaw(law.exponent)
    component = _linear_component(plain, table, curve_weights(plain, table))
    return {"free_exponent": component.estimate, "free_exponent_se": component.se}


def curve_component(
    law: CurveLaw, table: ReplicateTable, rng: np.random.Generator
) -> tuple[Component, Mapping[str, float]]:
    """The score of a curve law with its error, and its free parameters.

    Linear laws are fitted to the means over replicates: by a regression on what each replicate contributes
    to them, clustered by replicate, from 20 replicates on; below that by a fit to each contribution and
    Student t over the fits, or by the jackknife where replicates cannot be fitted alone.
    Other laws: bootstrap over replicates. A single replicate counts only with its standard errors.

    Raises
    ------
    ValueError
        If there are fewer x than free parameters, or one replicate without standard errors.
    """
    weights = curve_weights(law, table)
    precision = weights * table.count
    fit = fit_curves(law, table.x, law.to_fit(table.mean)[None], precision)
    named = {**law.named(float(fit.shape[0]), fit.coefficients[0]), **_without_correction(law, table)}
    estimate = float(law.score_of(fit.shape, fit.coefficients)[0])
    if len(law.shapes(table.x)) > 1:
        return _bootstrapped(law, table, precision, estimate, rng), named
    if table.clusters > 1:
        component = _linear_component(law, table, weights)
        # scatter between few replicates may by chance be smaller than their samplers' own errors
        se = max(component.se, _sampler_se(law, table, precision))
        return replace(component, se=se), named
    if table.se is None:
        raise ValueError("a measurement needs two replicates or standard errors, got one replicate without")
    return _one_replicate(law, table, weights), named
