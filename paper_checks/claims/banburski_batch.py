"""Banburski et al.: what batch normalization does to the units of a layer (D6)."""

from __future__ import annotations

from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, Ordering, PowerLaw, UpperBound

from ..claim import Claim, Control, Restatement, SharedWork
from .batch_normalized_units import measure_growth, measure_margins, measure_path, measure_spread
from .units import by_budget, on_networks, shared_simulation, simulated

_WHERE = "arXiv:1903.04991 and its ICML 2019 workshop companion"
_MARGINS = SharedWork("batch-normalized-margins", measure_margins)
_PATH: dict[str, Any] = {
    "examples": 200,
    "dimension": 10,
    "whitened": False,
    "log_times": [-2.0, 0.0, 2.0, 4.0, 7.0, 10.0],
}
# as few examples as leave the largest margins of the two norms apart: with many both are on the same ones
_LATE: dict[str, Any] = {
    "examples": 30,
    "dimension": 20,
    "least_deviation": 0.2,
    "log_times": [100.0, 1000.0, 10_000.0],
}
_RATES: dict[str, Any] = {"rates": [0.05, 0.1, 0.2, 0.4]}
# steps that networks without normalization bear, too
_BOTH: dict[str, Any] = {"rates": [0.1, 0.2, 0.4]}
_BOTH_TRAIN: dict[str, Any] = {"rates": [0.05, 0.1]}
_LAYER: dict[str, Any] = {"examples": 100, "dimension": 20, "units": 20, "time": 80.0}
_NETWORKS: dict[str, Any] = {
    "data": "mnist5k",
    "task": "parity",
    "components": 20,
    "examples": 200,
    "hidden": by_budget([20, 20], [32, 32], [64, 64, 64]),
    "networks": by_budget(4, 6, 8),
    "batch_size": 50,
    "time": 40.0,
}
_ONE_UNIT: dict[Source, str] = {
    "network": "the exact flow of one unit; what units inside networks see is neither white nor fixed"
}

CLAIMS = (
    Claim(
        id="D6a",
        paper="banburski",
        where=f"{_WHERE}: batch normalization beside the tangent gradient, unit by unit",
        statement=(
            "On white inputs batch normalization moves a unit as the tangent gradient on its sphere does."
        ),
        prediction=(
            "paths of equal start are at most 5 % of the way turned apart, at ln t = -2 to 10, for 200 "
            "isotropic inputs in 10 dimensions"
        ),
        law=UpperBound(),
        predicted=0.05,
        band=(-float("inf"), 0.05),
        band_reason=(
            "one-sided: exactly white inputs leave under 1e-4, and 5 % is allowed as the 200 inputs are "
            "white only up to their sampling, their covariance being off by tenths"
        ),
        x_range=(-2, 10),
        falsifier="paths that are further apart than 5 % of how far they have turned, at some time",
        control=Control(
            description=(
                "inputs whose deviations along their axes go from 1 to 0.1: the norm of batch normalization "
                "is that of their covariance"
            ),
            expected="REFUTED",
            experiments=simulated(by_budget(10, 16, 20), measure_path, least_deviation=0.1, **_PATH),
        ),
        experiments=simulated(by_budget(8, 16, 40), measure_path, least_deviation=1.0, **_PATH),
        not_applicable=_ONE_UNIT,
    ),
    Claim(
        id="D6b",
        paper="banburski",
        where=f"{_WHERE}: normalization implements margin maximization under unit norm",
        statement="Batch normalization leads a unit to the largest margin among weights of norm 1.",
        prediction="margin over the largest one = 1 within 2 %, at ln t = 100 to 10,000",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "at ln t = 100 what is missing of the largest margin is of the order of 1 / ln t, 1 %, and "
            "twice that is allowed; no margin exceeds the largest, so only the lower half counts"
        ),
        x_range=(100, 10_000),
        falsifier="a margin of the direction that stays more than 2 % below the largest",
        control=Control(
            description="whitened inputs: there the norm of the weights is the deviation of the activations",
            expected="SUPPORTED",
            experiments=shared_simulation(
                by_budget(8, 12, 20), _MARGINS, "unit norm", whitened=True, **_LATE
            ),
        ),
        experiments=shared_simulation(by_budget(8, 16, 40), _MARGINS, "unit norm", whitened=False, **_LATE),
        not_applicable=_ONE_UNIT,
    ),
    Claim(
        id="D6c",
        paper="banburski",
        where=f"{_WHERE}: normalization of activations; which margin follows from it is derived",
        statement="Batch normalization leads a unit to the largest margin among activations of variance 1.",
        prediction="margin of activations over the largest one = 1 within 2 %, at ln t = 100 to 10,000",
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "the same 2 % as of D6b, twice 1 / ln t at ln t = 100, so that the norms are compared and not "
            "the bands"
        ),
        x_range=(100, 10_000),
        falsifier="activations whose margin stays more than 2 % below the largest",
        control=Control(
            description="the unit that follows the tangent gradient on its sphere, on the same inputs",
            expected="REFUTED",
            experiments=shared_simulation(
                by_budget(8, 16, 40), _MARGINS, "tangent activations", whitened=False, **_LATE
            ),
        ),
        experiments=shared_simulation(by_budget(8, 16, 40), _MARGINS, "activations", whitened=False, **_LATE),
        not_applicable=_ONE_UNIT,
    ),
    Claim(
        id="D6d",
        paper="banburski",
        where=f"{_WHERE}: gradients projected by S, orthogonal to weights; growth by steps is derived",
        statement="Under batch normalization the flow leaves norms of units alone; only steps add to them.",
        prediction="mean growth of ln norms in an equal time ~ eta^1, steps eta = 0.05 to 0.4",
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(0.85, 1.15),
        band_reason=(
            "one power of eta holds for small steps only: 0.15 is left to its higher powers and to norms "
            "that slow their own growth, a sixth of the way to a flow that moves norms"
        ),
        x_range=(0.05, 0.4),
        falsifier="an exponent in the size of steps outside 1 +- 0.15; 0 is that of a flow that moves norms",
        control=Control(
            description="the same training without batch normalization: the flow itself moves norms",
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 8, 10),
                measure_growth,
                normalized=False,
                norm=2.0,
                spread=0.3,
                **_RATES,
                **_LAYER,
            )
            | on_networks(
                by_budget(4, 8, 10),
                measure_growth,
                normalized=False,
                norm=2.0,
                spread=0.3,
                **_RATES,
                **_NETWORKS,
            ),
        ),
        experiments=simulated(
            by_budget(4, 12, 20), measure_growth, normalized=True, norm=2.0, spread=0.3, **_RATES, **_LAYER
        )
        | on_networks(
            by_budget(4, 12, 20), measure_growth, normalized=True, norm=2.0, spread=0.3, **_RATES, **_NETWORKS
        ),
    ),
    Claim(
        id="D6e",
        paper="banburski",
        where=f"{_WHERE}: batch normalization controls the norm of each unit",
        statement="Batch normalization makes norms of a layer's units more equal than training without it.",
        prediction=(
            "deviation of ln norms after training smaller with batch normalization than without, where it is "
            "1 at the start and norms are around 1"
        ),
        law=Ordering(above=False, relative=True),
        predicted=-0.1,
        band=(-float("inf"), 0.0),
        band_reason=(
            'one-sided without slack: "controls" names no size, so that any reduction counts, though one '
            "of 10 % is expected"
        ),
        x_range=(0.1, 0.4),
        falsifier="a size of steps with which norms differ more under batch normalization than without it",
        control=Control(
            description=(
                "units that start at a tenth of that norm, far below what the steps add: these all grow to "
                "one size"
            ),
            expected="SUPPORTED",
            experiments=simulated(
                by_budget(6, 10, 12), measure_spread, norm=0.1, spread=1.0, **_BOTH, **_LAYER
            )
            | on_networks(
                by_budget(6, 10, 12), measure_spread, norm=0.1, spread=1.0, **_BOTH_TRAIN, **_NETWORKS
            ),
        ),
        experiments=simulated(by_budget(6, 12, 20), measure_spread, norm=1.0, spread=1.0, **_BOTH, **_LAYER)
        | on_networks(by_budget(6, 12, 20), measure_spread, norm=1.0, spread=1.0, **_BOTH_TRAIN, **_NETWORKS),
        restated={"network": Restatement(x_range=(0.05, 0.1))},
    ),
)
