"""What four papers say of width, on one family: zero-error classifiers on random features (F3)."""

from __future__ import annotations

from typing import Any

from genlaws.simulate.measurement import Source
from genlaws.theory import EqualWithinMargin, Ordering, PowerLaw

from ..claim import Claim, Control, SharedWork
from .units import by_budget, shared_simulation, simulated
from .width_readings import measure_density_alone, measure_depth_beside_width, measure_widths

_WIDTHS = SharedWork("random-feature-widths", measure_widths, families=("gaussian-process",))
_FAMILY = ["gaussian-process"]
_SIZES: dict[str, Any] = {
    "dimension": 10,
    "heldout": by_budget(200, 400, 800),
    "particles": by_budget(40, 100, 200),
}
_SWEEP: dict[str, Any] = {**_SIZES, "n": 24, "draws": 4}
_SWEEP["widths"] = by_budget([64, 181, 512], [64, 128, 256, 512], [64, 128, 256, 512, 1024])
_DENSITY: dict[str, Any] = {
    **_SIZES,
    "n": 16,
    "draws": by_budget(2, 6, 8),
    "prior_draws": by_budget(4000, 20_000, 50_000),
    "widths": [32, 128, 512],
}
# at weight variance 4 correlations are lost within a few layers, at 1 they are kept
_DEPTHS: dict[str, Any] = {**_SIZES, "n": 24, "draws": 4, "widths": [64, 512], "depths": [8, 16]}
_IN_SIMULATION: dict[Source, str] = {
    "network": "networks of many widths, trained and drawn, are those of B1 to B7, A3 and E5"
}

CLAIMS = (
    Claim(
        id="F3a",
        paper="classics",
        where="cross-paper test: arXiv:2410.16868, the error density alone makes the learning curve",
        statement="At every width the error density alone decides how zero-error classifiers generalize.",
        prediction=(
            "mean error of zero-error classifiers on 16 examples = that of the error density tilted by "
            "(1 - E)^16, within 10 %, on 32 to 512 random features"
        ),
        law=EqualWithinMargin(relative=True),
        predicted=0.0,
        band=(-0.1, 0.1),
        band_reason=(
            "the tilt takes the share of zero-error classifiers to be the same for all training sets of a "
            "size, which holds on average at best: a tenth of the error is what that may cost"
        ),
        x_range=(32, 512),
        falsifier="a width at which the mean error is more than 10 % off what the density foretells",
        control=Control(
            description="what the density foretells of classifiers that have seen no example",
            expected="REFUTED",
            experiments=simulated(
                by_budget(6, 12, 16), measure_density_alone, families=_FAMILY, foretold_at=0, **_DENSITY
            ),
        ),
        experiments=simulated(
            by_budget(8, 20, 30), measure_density_alone, families=_FAMILY, foretold_at=16, **_DENSITY
        ),
        not_applicable=_IN_SIMULATION,
    ),
    Claim(
        id="F3b",
        paper="classics",
        where="cross-paper test: arXiv:1901.01608, variance of trained networks falls as h^(-1)",
        statement="Fluctuations of zero-error classifiers die out with width, whoever selects them.",
        prediction=(
            "share of points on which two drawn zero-error classifiers disagree ~ h^(-1/2), as their "
            "variance ~ h^(-1), on h = 64 to 512 random features"
        ),
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.65, -0.35),
        band_reason=(
            "keeps -1/2 apart from 0 and from -1 and leaves 0.15 to corrections of 1 / h from 64 features "
            "on, over widths that span less than a decade"
        ),
        x_range=(64, 512),
        falsifier="an exponent in h outside -0.5 +- 0.15; 0 is that of classifiers that stay as different",
        control=Control(
            description="the largest margins on independent draws of the features, which training tends to",
            expected="SUPPORTED",
            experiments=shared_simulation(by_budget(8, 16, 24), _WIDTHS, "trained", seen=24, **_SWEEP),
        ),
        experiments=shared_simulation(by_budget(8, 16, 24), _WIDTHS, "drawn", seen=24, **_SWEEP),
        not_applicable=_IN_SIMULATION,
    ),
    Claim(
        id="F3c",
        paper="classics",
        where="cross-paper test: arXiv:1912.13053, depth over its scale decides, whatever the width",
        statement="Beyond the depth scale of the chaotic phase depth costs more error than any width gains.",
        prediction=(
            "8 and 16 hidden layers instead of one, at weight variance 4, raise the mean error of zero-error "
            "classifiers of infinite width by at least 0.1 more than 64 instead of 512 features change it"
        ),
        law=Ordering(),
        predicted=0.15,
        band=(0.1, float("inf")),
        band_reason=(
            "one-sided, raised from 0.05 after the control had been seen at 0.03 to 0.04, in the ordered "
            "phase, where depth costs little: what counts must stand clear of that"
        ),
        x_range=(8, 16),
        falsifier="a depth there that adds less than 0.1 to what the width changes",
        control=Control(
            description="the ordered phase, weight variance 1, where depth keeps what tells inputs apart",
            expected="REFUTED",
            experiments=simulated(
                by_budget(4, 12, 16),
                measure_depth_beside_width,
                families=_FAMILY,
                weight_variance=1.0,
                **_DEPTHS,
            ),
        ),
        experiments=simulated(
            by_budget(6, 16, 24),
            measure_depth_beside_width,
            families=_FAMILY,
            weight_variance=4.0,
            **_DEPTHS,
        ),
        not_applicable=_IN_SIMULATION,
    ),
    Claim(
        id="F3d",
        paper="classics",
        where="cross-paper test: arXiv:2407.03848 (no gain), Chiang et al., ICLR 2023 (a gain)",
        statement="Width alone is no gain: zero-error classifiers of every width generalize alike.",
        prediction="mean error within 0.02 of that at infinite width, on 64 to 512 features, 24 examples",
        law=EqualWithinMargin(),
        predicted=0.0,
        band=(-0.02, 0.02),
        band_reason=(
            "the papers differ on whether there is a gain and not on its size: two points more or less in "
            "a hundred are called none, far below what 6 instead of 24 examples cost"
        ),
        x_range=(64, 512),
        falsifier="a width at which they err 0.02 more, or less, than at infinite width",
        control=Control(
            description="those of finite width see 6 of the 24 examples that those of infinite width see",
            expected="REFUTED",
            experiments=shared_simulation(by_budget(4, 8, 12), _WIDTHS, "error", seen=6, **_SWEEP),
        ),
        experiments=shared_simulation(by_budget(8, 16, 24), _WIDTHS, "error", seen=24, **_SWEEP),
        not_applicable=_IN_SIMULATION,
    ),
)
