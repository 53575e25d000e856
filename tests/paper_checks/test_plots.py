from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from genlaws.paper_checks.curve_plots import plot_learning_curve
from genlaws.paper_checks.evidence_plots import plot_evidence
from genlaws.paper_checks.fits import fitted_curve
from genlaws.paper_checks.local_slopes import local_slopes
from genlaws.paper_checks.pictures import picture_bytes, plain_number, plain_ticks, save_picture
from genlaws.paper_checks.plots import plot_claim
from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.verdict import ControlResult, Outcome, Verdict
from genlaws.simulate.measurement import Measurement
from genlaws.theory import (
    ClosedCurve,
    Constant,
    Divergence,
    EqualDistributions,
    EqualWithinMargin,
    ExponentialDecay,
    InteriorPeak,
    Linear,
    LogarithmicDecay,
    LogarithmicGrowth,
    LowerBound,
    Monotone,
    Ordering,
    PowerLaw,
    PowerLawWithCorrection,
    PowerLawWithPlateau,
    UpperBound,
)

LAWS = {
    "power": PowerLaw(-1.0),
    "plateau": PowerLawWithPlateau(-1.0),
    "correction": PowerLawWithCorrection(),
    "exponential": ExponentialDecay(rate=0.1),
    "log exponential": ExponentialDecay(rate=0.1, log_y=True),
    "growth": LogarithmicGrowth(),
    "line": Linear(),
    "decay": LogarithmicDecay(),
    "divergence": Divergence(),
    "constant": Constant(2.0),
    "curve": ClosedCurve(function=lambda x: 1.0 / x),
    "upper": UpperBound(),
    "lower": LowerBound(),
    "ordering": Ordering(),
    "equal": EqualWithinMargin(),
    "ratio": EqualWithinMargin(relative=True),
    "distributions": EqualDistributions(),
    "monotone": Monotone(),
    "peak": InteriorPeak(place=30.0),
}


def judged(claim, law, verdict=Outcome.SUPPORTED, rivals=()):
    world = law.world("true", rng=1)
    measurement = Measurement(
        x=world.x,
        replicate=world.replicate,
        y=world.y,
        se=world.se,
        reference=world.reference,
        x_label="training examples n",
        y_label="mean error",
    )
    claim = replace(claim, law=law, rivals=rivals)
    given = Verdict(
        claim=claim.id,
        source="simulation",
        verdict=verdict,
        reason="It lies inside the band.",
        predicted=2.0,
        band=claim.band,
        estimate=2.1,
        low=2.0,
        high=2.15,
        level=0.9,
        measurement=measurement,
    )
    return claim, given


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for ax in figure.axes:
        found += [text.get_text() for text in ax.texts] + [ax.get_xlabel(), ax.get_ylabel()]
    return found


@pytest.mark.parametrize("name", LAWS)
def test_every_law_can_be_drawn(make_claim, name):
    figure = plot_claim(*judged(make_claim(), LAWS[name]))
    said = texts(figure)
    assert "T1  SUPPORTED" in said
    assert LAWS[name].score_name in "".join(said)
    assert picture_bytes(figure, ".png").startswith(b"\x89PNG")
    for ax in figure.axes:
        assert np.all(np.isfinite([*ax.get_xlim(), *ax.get_ylim()]))


def written(figure):
    """Every text that is seen, by its place in pixels."""
    figure.draw_without_rendering()
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for ax in figure.axes:
        found += [ax.xaxis.label, ax.yaxis.label, ax._left_title, *ax.texts]
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            found += [
                tick.label1 for tick in ticks if low <= tick.get_loc() <= high and tick.label1.get_visible()
            ]
    return [(text, text.get_window_extent()) for text in found if text.get_text().strip()]


@pytest.mark.parametrize(
    ("name", "unit"),
    [(name, 1.0) for name in LAWS] + [("constant", 1e-7), ("equal", 1e7), ("growth", 1e-7), ("decay", 1e7)],
)
def test_texts_of_the_bare_evidence_are_large_inside_and_clear_of_each_other(make_claim, name, unit):
    rivals = (ExponentialDecay(rate=0.1), LogarithmicDecay(), PowerLawWithPlateau(-1.0))
    claim, verdict = judged(make_claim(), LAWS[name], rivals=rivals)
    measured = verdict.measurement
    reference = None if measured.reference is None else unit * measured.reference
    verdict = replace(verdict, measurement=replace(measured, y=unit * measured.y, reference=reference))
    control = ControlResult("another", "REFUTED", "REFUTED", 2.6, 2.5, 2.7, "outside")
    figure = plot_evidence(claim, replace(verdict, control=control))
    assert figure.get_figwidth() == 4.8
    placed = written(figure)
    said = {text.get_text() for text, _ in placed}
    assert {"measured", "control", "2.1", "2.6"} <= said
    assert not any(claim.statement in words or verdict.reason in words for words in said)
    for text, box in placed:
        assert text.get_fontsize() >= 9
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    for (one, first), (other, second) in combinations(placed, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert wide <= 1 or high <= 1, (one, other)


@pytest.mark.parametrize("draw", [plot_claim, plot_evidence])
@pytest.mark.parametrize(
    "name", ["power", "plateau", "correction", "log exponential", "growth", "divergence"]
)
def test_local_slopes_lie_under_their_measurement_beside_the_band(make_claim, draw, name):
    claim, verdict = judged(make_claim(), LAWS[name])
    claim = replace(claim, predicted=2.0, band=(1.5, 2.25))
    figure = draw(claim, verdict)
    above, middle = (ax for ax in figure.axes if ax.containers)
    slopes = local_slopes(claim.law, verdict.measurement)
    dots = middle.containers[0].lines[0]
    assert np.allclose(dots.get_xdata(), slopes.x)
    assert np.allclose(dots.get_ydata(), slopes.slope)
    bars = np.array([segment[:, 1] for segment in middle.containers[0].lines[2][0].get_segments()])
    assert np.allclose(np.diff(bars, axis=1)[:, 0], 2 * slopes.half)
    figure.draw_without_rendering()
    assert middle.get_xlim() == above.get_xlim()
    assert middle.get_xscale() == above.get_xscale()
    left, right = (ax.transData.transform((slopes.x[0], 1.0))[0] for ax in (above, middle))
    assert left == pytest.approx(right)
    (band,) = middle.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((1.5, 2.25))
    assert 2.0 in [line.get_ydata()[0] for line in middle.lines]
    assert f"local {claim.law.score_name}" in " ".join(" ".join(texts(figure)).split()) or any(
        ax._left_title.get_text() == f"local {claim.law.score_name}" for ax in figure.axes
    )


@pytest.mark.parametrize("name", ["constant", "upper", "distributions", "monotone"])
def test_laws_without_slopes_have_no_panel_for_them(make_claim, name):
    for draw in (plot_claim, plot_evidence):
        assert len(draw(*judged(make_claim(), LAWS[name])).axes) == 2


def test_evidence_without_a_score_is_the_measurement_alone(make_claim):
    claim, verdict = judged(make_claim(), Constant(2.0), verdict=Outcome.ERROR)
    figure = plot_evidence(claim, replace(verdict, estimate=None, low=None, high=None, level=None))
    assert len(figure.axes) == 1


def test_means_error_bars_law_and_rivals_are_where_they_belong(make_claim):
    law, rival = PowerLaw(-1.0), LogarithmicDecay()
    claim, verdict = judged(make_claim(), law, rivals=(rival,))
    above = plot_claim(claim, verdict).axes[0]
    bars = above.containers[0]
    y = verdict.measurement.y.reshape(8, -1)
    assert np.allclose(bars.lines[0].get_ydata(), y.mean(axis=0))
    low, high = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()]).T
    # Student t with seven degrees of freedom, from a table
    assert np.allclose((high - low) / 2, 2.3646 * y.std(axis=0, ddof=1) / np.sqrt(8), rtol=1e-4)
    curves = {line.get_linestyle(): line for line in above.lines if len(line.get_xdata()) == 200}
    assert np.allclose(curves["-"].get_ydata(), fitted_curve(law, verdict.measurement)[1])
    assert np.allclose(curves["--"].get_ydata(), fitted_curve(rival, verdict.measurement)[1])
    said = texts(above.figure)
    assert "power law, fitted" in said
    assert "logarithmic decay" in said
    assert (above.get_xscale(), above.get_yscale()) == ("log", "log")


@pytest.mark.parametrize(
    ("law", "scales"),
    [
        (PowerLaw(-1.0), ("log", "log")),
        (PowerLaw(-1.0, log_y=True), ("log", "linear")),
        (ExponentialDecay(rate=0.1), ("linear", "log")),
        (ExponentialDecay(rate=0.1, log_y=True), ("linear", "linear")),
        (LogarithmicGrowth(), ("log", "linear")),
        (Linear(), ("linear", "linear")),
        (Constant(2.0), ("linear", "linear")),
    ],
)
def test_axes_make_the_law_a_straight_line(make_claim, law, scales):
    claim, verdict = judged(make_claim(), law)
    measured = verdict.measurement
    short = measured.x <= 5 * measured.x.min()  # less than a decade: it is the law that chooses
    part = replace(
        measured, x=measured.x[short], y=measured.y[short], replicate=measured.replicate[short], se=None
    )
    above = plot_claim(claim, replace(verdict, measurement=part)).axes[0]
    assert (above.get_xscale(), above.get_yscale()) == scales


def test_one_replicate_shows_the_error_of_the_sampler(make_claim):
    claim, verdict = judged(make_claim(), Constant(2.0))
    alone = Measurement(
        x=[10.0, 20.0, 40.0], replicate=[0, 0, 0], y=[2.0, 2.1, 1.9], se=[0.1, 0.2, 0.3], y_label="y"
    )
    above = plot_claim(claim, replace(verdict, measurement=alone)).axes[0]
    low, high = np.array([s[:, 1] for s in above.containers[0].lines[2][0].get_segments()]).T
    assert np.allclose((high - low) / 2, 1.96 * np.array([0.1, 0.2, 0.3]))


def test_the_score_stands_against_the_band_and_the_control(make_claim):
    claim = make_claim()
    (verdict,) = run_claims([claim], rng=1).verdicts
    figure = plot_claim(claim, verdict)
    below = figure.axes[1]
    band = below.patches[0].get_extents().transformed(below.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((1.8, 2.2))
    said = [text.get_text() for text in below.texts]
    assert f"measured {verdict.estimate:.3g}" in said
    assert f"control {verdict.control.estimate:.3g}" in said


def test_labels_do_not_overlap(make_claim):
    rivals = (ExponentialDecay(rate=0.1), LogarithmicDecay(), PowerLawWithPlateau(-1.0))
    figure = plot_claim(*judged(make_claim(), PowerLaw(-1.0), rivals=rivals))
    above = figure.axes[0]
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in above.texts), key=lambda box: box.y0)
    assert len(boxes) == 5
    for lower, upper in pairwise(boxes):
        assert upper.y0 >= lower.y1 - 2.0  # pixels
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_a_rival_that_cannot_be_fitted_is_left_out(make_claim):
    claim, verdict = judged(make_claim(), ExponentialDecay(rate=0.1, log_y=True), rivals=(PowerLaw(-1.0),))
    said = texts(plot_claim(claim, verdict))
    assert "power law" not in said


def test_what_cannot_be_drawn_is_refused(make_claim):
    claim, verdict = judged(make_claim(), Constant(2.0))
    with pytest.raises(ValueError, match="must be of claim T2, got T1"):
        plot_claim(make_claim("T2"), verdict)
    with pytest.raises(ValueError, match="holds no measurement"):
        plot_claim(claim, replace(verdict, measurement=None))


def test_files(make_claim, tmp_path):
    figure = plot_claim(*judged(make_claim(), Constant(2.0)))
    for ending in (".png", ".svg", ".pdf"):
        save_picture(figure, tmp_path / f"a{ending}")
    width, height = struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24])
    assert (width, height) == (1056, 768)
    root = ET.fromstring((tmp_path / "a.svg").read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg"]
    with pytest.raises(ValueError, match=r"must end in \.png, \.svg, \.pdf, got a\.gif"):
        save_picture(figure, tmp_path / "a.gif")
    with pytest.raises(ValueError, match="there is no folder"):
        save_picture(figure, tmp_path / "none" / "a.png")


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_equal_pictures_are_equal_files(make_claim, ending):
    first, second = (
        picture_bytes(plot_claim(*judged(make_claim(), PowerLaw(-1.0))), ending) for _ in range(2)
    )
    assert first == second


def test_numbers_at_ticks_are_plain():
    numbers = {0.0: "0", 0.02: "0.02", 200.0: "200", -1.5: "−1.5", 1e-5: "10⁻⁵", 1e-3: "0.001"}
    numbers |= {2e6: "2·10⁶", -2.5e-12: "−2.5·10⁻¹²", 1e4: "10⁴"}
    assert {value: plain_number(value) for value in numbers} == numbers


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.07, 0.33, ["0.1", "0.2", "0.3"]),
        (8.0, 300.0, ["10", "20", "50", "100", "200"]),
        (5e-6, 2.0, ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]),
    ],
)
def test_ticks_of_logarithmic_axes(low, high, ticks):
    ax = Figure().subplots()
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    plain_ticks(ax)
    ax.figure.draw_without_rendering()
    labels = [
        tick.label1.get_text()
        for tick in [*ax.yaxis.get_major_ticks(), *ax.yaxis.get_minor_ticks()]
        if low <= tick.get_loc() <= high and tick.label1.get_text()
    ]
    assert labels == ticks


def test_learning_curves():
    n, error = [0, 1, 10, 100, 1000], [0.3, 0.2, 0.1, 0.01, 0.001]
    plain = plot_learning_curve(n, error)
    (line,) = plain.axes[0].lines
    assert list(line.get_xdata()) == [1, 10, 100, 1000]
    assert list(line.get_ydata()) == [0.2, 0.1, 0.01, 0.001]
    both = plot_learning_curve(
        n, error, eps=0.1, log_bad=[-1, -2, -20, -200, -np.inf], bound=[1, 0, -18, -198, -1998]
    )
    bad, bound = both.axes[1].lines
    assert np.allclose(
        bad.get_ydata() * np.log(10), [-2, -20, -200]
    )  # in powers of ten; infinity is left out
    assert np.allclose(bound.get_ydata() * np.log(10), [0, -18, -198, -1998])
    assert picture_bytes(both, ".png").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="positive number of examples"):
        plot_learning_curve([0], [0.3])
    with pytest.raises(ValueError, match="log_bad must be given with eps"):
        plot_learning_curve(n, error, eps=0.1)


def drawn(claim, law, measurement, band=None, reason="It lies inside the band."):
    claim = replace(claim, law=law, band=band or claim.band, predicted=(band or claim.band)[1])
    verdict = Verdict(claim.id, "simulation", Outcome.INCONCLUSIVE, reason, measurement=measurement)
    return plot_claim(claim, replace(verdict, estimate=0.0, low=-0.1, high=0.1, band=claim.band))


@pytest.mark.parametrize(
    ("law", "band"), [(EqualWithinMargin(), (-0.5, 0.5)), (UpperBound(), (-np.inf, 0.5))]
)
def test_a_band_that_reaches_below_zero_stays_off_a_logarithmic_axis(make_claim, law, band):
    # small values with a margin larger than they are, over decades: the test fails by matplotlib's warning
    x = np.tile([1.0, 2.0, 3.0, 4.0], 2)
    y = np.tile([1.0, 0.1, 0.01, 0.001], 2)
    measured = Measurement(x=x, replicate=np.repeat([0, 1], 4), y=y, reference=0.9 * y)
    above = drawn(make_claim(), law, measured, band).axes[0]
    low, high = above.get_ylim()
    assert above.get_yscale() == "log"
    assert 0.0 < low <= 0.0009
    assert high >= 1.4  # the upper end of the margin is still there
    shade = above.collections[-1].get_paths()[0].vertices[:, 1]
    assert np.all((shade >= low) & (shade <= high))


def test_a_single_x_shows_its_replicates_side_by_side_in_the_band(make_claim):
    values = np.array([1.9, 2.05, 2.1, 2.2])
    measured = Measurement(x=np.zeros(4), replicate=np.arange(4), y=values, x_label="1 / dimension")
    above = drawn(make_claim(), Constant(2.0), measured).axes[0]
    (dots,) = [line for line in above.lines if line.get_marker() == "o"]
    assert list(dots.get_xdata()) == [1, 2, 3, 4]
    assert np.allclose(dots.get_ydata(), values)
    shades = sorted((patch.get_y(), patch.get_y() + patch.get_height()) for patch in above.patches)
    half = 3.1824 * values.std(ddof=1) / 2.0  # Student t with three degrees of freedom, from a table
    assert np.allclose(shades, [(1.8, 2.2), (values.mean() - half, values.mean() + half)], atol=1e-4)
    low, high = above.get_ylim()
    assert low < 1.8
    assert high > 2.2
    assert above.get_xlabel() == "replicate, at 1 / dimension = 0"
    assert {"mean, 95 %", "allowed"} == {text.get_text() for text in above.texts}


def test_a_single_x_shows_what_it_is_held_against(make_claim):
    measured = Measurement(
        x=np.full(3, 5.0), replicate=np.arange(3), y=[0.1, 0.2, 0.3], reference=np.full(3, 0.4)
    )
    above = drawn(make_claim(), UpperBound(), measured, (-np.inf, 0.0)).axes[0]
    heights = {round(float(line.get_ydata()[0]), 6) for line in above.lines if line.get_marker() != "o"}
    assert heights == {0.2, 0.4}
    low, high = above.get_ylim()
    green = above.patches[-1]
    assert (green.get_y(), green.get_y() + green.get_height()) == pytest.approx((low, 0.4))
    assert high > 0.4


def test_a_single_replicate_at_a_single_x_is_drawn(make_claim):
    alone = Measurement(x=[1.0], replicate=[0], y=[2.0], se=[0.1])
    above = drawn(make_claim(), Constant(2.0), alone).axes[0]
    blue = above.patches[0]
    assert (blue.get_y(), blue.get_height()) == pytest.approx((2.0 - 0.196, 0.392))


def test_long_labels_stay_inside_the_picture(make_claim):
    claim, verdict = judged(make_claim(), PowerLaw(-1.0))
    long = replace(
        verdict.measurement, y_label="mean held-out error of classifiers given zero training error"
    )
    figure = plot_claim(claim, replace(verdict, measurement=long))
    figure.draw_without_rendering()
    label = figure.axes[0].yaxis.label
    assert "\n" in label.get_text()
    box, axes = label.get_window_extent(), figure.axes[0].get_window_extent()
    assert box.x0 >= 0
    assert box.y0 >= axes.y0 - 5
    assert box.y1 <= axes.y1 + 5


def test_a_bound_shows_its_end_and_no_prediction(make_claim):
    claim, verdict = judged(make_claim(), UpperBound())
    bound = replace(claim, band=(-np.inf, 2.2), predicted=2.0)
    below = plot_claim(bound, replace(verdict, band=bound.band)).axes[1]
    lines = [line.get_xdata()[0] for line in below.lines if line.get_linewidth() == 1.2]
    assert lines == [2.2]
