"""Geiger et al.: how networks fluctuate with their number of parameters, and what it costs (B1-B5)."""

from __future__ import annotations

from genlaws.theory import (
    ExponentialDecay,
    LogarithmicDecay,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
)

from ..claim import Claim, Control, Published, Restatement
from .random_feature_readings import own_sets_features, random_features
from .units import NETWORKS_COME_LATER

_WIDTHS = (20.0, 2000.0)  # features per example, of random features
_OWN_SETS = "every network has a training set of its own, and what differs between those no width removes"
_COPIES = (
    "ensembles of k hold only sqrt(k) different networks, each several times: the exponent is half as large"
)

CLAIMS = (
    Claim(
        id="B1",
        paper="geiger",
        where="arXiv:1901.01608, equation 10 and figure 5",
        statement="Networks fluctuate around their ensemble mean less and less as their parameters grow.",
        prediction="||f - f_bar||^2 ~ N^(-1/2) beyond the threshold N*",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.6, -0.4),
        x_range=(1e3, 1e4),
        falsifier="an exponent in N outside -0.5 +- 0.1, or a curve that foretells held-out N better",
        control=Control(_OWN_SETS, "REFUTED", own_sets_features("squared fluctuation")),
        experiments=random_features("squared fluctuation"),
        rivals=(LogarithmicDecay(), ExponentialDecay(rate=1e-3)),
        not_applicable=NETWORKS_COME_LATER,
        restated={
            "simulation": Restatement(
                prediction="||f - f_bar||^2 ~ 1/h for h random features, which is N^(-1/2) in N ~ h^2",
                law=PowerLaw(exponent=-1.0),
                predicted=-1.0,
                band=(-1.1, -0.9),
                x_range=_WIDTHS,
                falsifier="an exponent in h outside -1 +- 0.1, or a curve that foretells held-out h better",
            )
        },
    ),
    Claim(
        id="B2",
        paper="geiger",
        where="arXiv:1901.01608, equation 11 and figure 6D",
        statement="What single networks err more than their ensemble falls with the number of parameters.",
        prediction="eps_N - eps_bar_N = B0 N^(-1/2) + B1 N^(-3/4)",
        law=PowerLawWithCorrection(exponent=-0.5, correction_exponent=0.25),
        predicted=-0.5,
        band=(-0.65, -0.35),
        x_range=(1e3, 1e4),
        falsifier=(
            "a leading exponent in N outside -0.5 +- 0.15, with the correction N^(-1/4), or a decay with the "
            "logarithm that foretells held-out N better"
        ),
        control=Control(_OWN_SETS, "REFUTED", own_sets_features("excess error")),
        experiments=random_features("excess error"),
        rivals=(LogarithmicDecay(),),
        not_applicable=NETWORKS_COME_LATER,
        restated={
            "simulation": Restatement(
                prediction=(
                    "eps_h - eps_bar_h = B0 / h + B1 h^(-3/2) for h random features: equation 11 in N ~ h^2"
                ),
                law=PowerLawWithCorrection(exponent=-1.0, correction_exponent=0.5),
                predicted=-1.0,
                band=(-1.15, -0.85),
                x_range=_WIDTHS,
                falsifier="a leading exponent in h outside -1 +- 0.15, with the correction h^(-1/2)",
            )
        },
        published=(
            Published(
                "exponent of a power law alone",
                -0.42,
                "arXiv:1901.01608, figure 6D",
                measured="free_exponent",
            ),
        ),
    ),
    Claim(
        id="B3",
        paper="geiger",
        where="arXiv:1901.01608, equation 5 and figures 4 and 6B",
        statement="What fluctuations of the boundary cost grows with the square of its displacement.",
        prediction="eps_N - eps_bar_N ~ delta^2, with delta the distance between boundaries of f and f_bar",
        law=PowerLaw(exponent=2.0),
        predicted=2.0,
        band=(1.7, 2.3),
        x_range=(0.05, 0.35),
        falsifier="an exponent outside 2 +- 0.3",
        control=Control(
            description=(
                "errors are counted against the classes of f_bar itself, for which every displacement of the "
                "boundary costs in proportion: exponent 1"
            ),
            expected="REFUTED",
            experiments=random_features("disagreement against distance"),
        ),
        experiments=random_features("excess against distance"),
        not_applicable=NETWORKS_COME_LATER,
        published=(Published("exponent, fitted freely", 2.5, "arXiv:1901.01608, figure 6B"),),
    ),
    Claim(
        id="B4a",
        paper="geiger",
        where="arXiv:1901.01608, figures 6C and 10",
        statement="The displacement of the boundary is in proportion to the fluctuation over the gradient.",
        prediction="delta ~ ||f - f_bar|| / ||grad f||",
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(0.85, 1.15),
        x_range=(0.04, 0.3),
        falsifier="an exponent outside 1 +- 0.15",
        control=Control(
            description=(
                "the outputs of every network are multiplied by a factor of its own, 1/2 or 3/2: no boundary "
                "moves, while the fluctuation grows"
            ),
            expected="REFUTED",
            experiments=random_features("distance against scaled ratio"),
        ),
        experiments=random_features("distance against ratio"),
        not_applicable=NETWORKS_COME_LATER,
        published=(Published("exponent, fitted freely", 1.1, "arXiv:1901.01608, figure 6C"),),
    ),
    Claim(
        id="B4b",
        paper="geiger",
        where="arXiv:1901.01608, figure 6A",
        statement="The norm of the gradient falls to a limit, above which it stands by N^(-1/4).",
        prediction="||grad f_N|| = C0 + C1 N^(-1/4)",
        law=PowerLawWithPlateau(exponent=-0.25),
        predicted=-0.25,
        band=(-0.35, -0.15),
        x_range=(1e3, 1e4),
        falsifier="an exponent in N outside -0.25 +- 0.1, above a limit that is fitted freely",
        control=Control(
            description=(
                "the norm of the mean's gradient plus that of the fluctuation's, as if these were parallel: "
                "there the exponent is that of the fluctuation"
            ),
            expected="SUPPORTED",
            experiments=random_features("parallel gradient norm"),
        ),
        experiments=random_features("gradient norm"),
        not_applicable=NETWORKS_COME_LATER,
        restated={
            "simulation": Restatement(
                prediction=(
                    "||grad f_h|| = C0 + C1 h^(-1/2) for h random features, which is figure 6A in N ~ h^2; "
                    "as derived here, a fluctuation independent of the mean gives h^(-1)"
                ),
                law=PowerLawWithPlateau(exponent=-0.5),
                predicted=-0.5,
                band=(-0.7, -0.3),
                x_range=_WIDTHS,
                falsifier="an exponent in h outside -0.5 +- 0.2, above a limit that is fitted freely",
            )
        },
    ),
    Claim(
        id="B4c",
        paper="geiger",
        where="arXiv:1901.01608, section on the boundary's fluctuation and figure 6A",
        statement="The boundary of networks approaches that of their ensemble as their parameters grow.",
        prediction="delta_N = A0 N^(-1/4) + A1 N^(-1/2)",
        law=PowerLawWithCorrection(exponent=-0.25, correction_exponent=0.25),
        predicted=-0.25,
        band=(-0.35, -0.15),
        x_range=(1e3, 1e4),
        falsifier="a leading exponent in N outside -0.25 +- 0.1, with the correction N^(-1/4)",
        control=Control(_OWN_SETS, "REFUTED", own_sets_features("distance")),
        experiments=random_features("distance"),
        rivals=(LogarithmicDecay(),),
        not_applicable=NETWORKS_COME_LATER,
        restated={
            "simulation": Restatement(
                prediction="delta_h = A0 h^(-1/2) + A1 / h for h random features, the same in N ~ h^2",
                law=PowerLawWithCorrection(exponent=-0.5, correction_exponent=0.5),
                predicted=-0.5,
                band=(-0.6, -0.4),
                x_range=_WIDTHS,
                falsifier="a leading exponent in h outside -0.5 +- 0.1, with the correction h^(-1/2)",
            )
        },
        published=(
            Published(
                "exponent of a power law alone",
                -0.28,
                "arXiv:1901.01608, figure 6A",
                measured="free_exponent",
            ),
        ),
    ),
    Claim(
        id="B5a",
        paper="geiger",
        where="arXiv:1901.01608, figure 4",
        statement="What ensembles err more than infinite ones falls with the number of their networks.",
        prediction="eps_bar^k_N - eps_bar_N ~ 1/k for means of k networks",
        law=PowerLaw(exponent=-1.0),
        predicted=-1.0,
        band=(-1.15, -0.85),
        x_range=(1.0, 8.0),
        falsifier="an exponent outside -1 +- 0.15, or an exponential that foretells held-out k better",
        control=Control(_COPIES, "REFUTED", random_features("copied ensemble excess")),
        experiments=random_features("ensemble excess"),
        rivals=(ExponentialDecay(rate=0.2),),
        not_applicable=NETWORKS_COME_LATER,
    ),
    Claim(
        id="B5b",
        paper="geiger",
        where="arXiv:1901.01608, figure 4",
        statement="The boundary of an ensemble approaches that of an infinite one with its networks.",
        prediction="delta ~ k^(-1/2) for means of k networks",
        law=PowerLaw(exponent=-0.5),
        predicted=-0.5,
        band=(-0.6, -0.4),
        x_range=(1.0, 8.0),
        falsifier="an exponent outside -0.5 +- 0.1, or an exponential that foretells held-out k better",
        control=Control(_COPIES, "REFUTED", random_features("copied ensemble distance")),
        experiments=random_features("ensemble distance"),
        rivals=(ExponentialDecay(rate=0.1),),
        not_applicable=NETWORKS_COME_LATER,
    ),
)
