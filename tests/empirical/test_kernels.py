"""Kernels of infinitely wide convolutional networks: by hand, by closed forms, and by drawn networks."""

from itertools import product

import numpy as np
import pytest
import torch

from genlaws.empirical import devices
from genlaws.empirical.architectures import Architecture, Convolution
from genlaws.empirical.kernels import convolutional_kernels
from genlaws.empirical.limit_kernel import limit_tangent_kernel
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.tangent_kernel import empirical_tangent_kernel
from genlaws.simulate import fully_connected_kernels
from genlaws.theory.activation_maps import activation_map

VARIANCES = {"weight_variance": 1.7, "bias_variance": 0.3}
IMAGES = np.random.default_rng(0).standard_normal((3, 2, 4, 3))
OTHERS = np.random.default_rng(1).standard_normal((2, 2, 4, 3))


def by_hand(x, y, *, activation, depth, head, boundary, kernel, weight_variance, bias_variance, same, keep):
    """Covariance and tangent kernel of one pair of images, window by window, over all pairs of places."""
    maps = activation_map(activation)
    height, width = x.shape[1:]
    places = [(h, w) for h in range(height) for w in range(width)]
    reach = range(-(kernel // 2), kernel // 2 + 1)
    moves = [(a, b) for a in reach for b in reach]

    def neighbour(place, move):
        h, w = place[0] + move[0], place[1] + move[1]
        if boundary == "circular":
            return places.index((h % height, w % width))
        return places.index((h, w)) if (h, w) in places else None

    def patches(products):
        made = np.zeros_like(products)
        for p, place in enumerate(places):
            for q, other in enumerate(places):
                pairs = [(neighbour(place, move), neighbour(other, move)) for move in moves]
                made[p, q] = sum(products[i, j] for i, j in pairs if i is not None and j is not None)
        return made / kernel**2

    def pixels(one, other):
        return np.einsum("chw,cij->hwij", one, other).reshape(2 * (len(places),)) / len(x)

    seen = {"xy": pixels(x, y), "xx": pixels(x, x), "yy": pixels(y, y)}
    inner = np.zeros_like(seen["xy"])
    for _ in range(depth - 1):
        k = {pair: weight_variance * patches(s) + bias_variance for pair, s in seen.items()}
        tangent = k["xy"] + weight_variance * patches(inner)
        variances = np.diagonal(k["xx"])[:, None], np.diagonal(k["yy"])[None]
        inner = maps.slope_product(k["xy"], *variances) * tangent
        seen = {"xy": maps.product(k["xy"], *variances)} | {
            pair: maps.product(k[pair], v := np.diagonal(k[pair])[:, None], v.T) for pair in ("xx", "yy")
        }
    average = np.mean if head == "pool" else lambda matrix: np.mean(np.diagonal(matrix))
    share = weight_variance / (keep if same and depth > 1 else 1.0)
    covariance = share * average(seen["xy"]) + bias_variance
    return covariance, covariance + share * average(inner)


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("head", ["flatten", "pool"])
@pytest.mark.parametrize("boundary", ["zeros", "circular"])
@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_is_the_recursion_written_out_place_by_place(activation, head, boundary, kernel):
    settings = {"activation": activation, "head": head, "boundary": boundary, "kernel": kernel, **VARIANCES}
    square = convolutional_kernels(IMAGES, depths=[1, 3], keep=0.6, **settings)
    across = convolutional_kernels(IMAGES, OTHERS, depths=[1, 3], keep=0.6, **settings)
    assert square.depths == (1, 3)
    for found, columns in ((square, IMAGES), (across, OTHERS)):
        for k, depth in enumerate(found.depths):
            for i, j in ((0, 0), (1, 0), (2, 1)):
                same = i == j and columns is IMAGES
                expected = by_hand(IMAGES[i], columns[j], depth=depth, same=same, keep=0.6, **settings)
                made = found.covariance[k, i, j], found.tangent[k, i, j]
                # an infinite slope at coinciding points makes the root of a rounding error
                np.testing.assert_allclose(made, expected, rtol=1e-7 if same else 1e-12)


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_images_that_are_the_same_everywhere_make_a_fully_connected_network(activation, head):
    channels = np.random.default_rng(2).standard_normal((5, 6))
    images = np.broadcast_to(channels[:, :, None, None], (5, 6, 4, 3))
    settings = {"activation": activation, "depths": [1, 2, 10, 40], "keep": 0.8, **VARIANCES}
    found = convolutional_kernels(images, head=head, boundary="circular", **settings)
    expected = fully_connected_kernels(channels, **settings)
    tolerance = 1e-11 if activation == "erf" else 1e-6
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=tolerance)
    np.testing.assert_allclose(found.tangent, expected.tangent, rtol=tolerance)


def test_images_without_a_border_may_be_moved():
    settings = {"boundary": "circular", "depths": [2, 6], **VARIANCES}
    moved = np.roll(IMAGES, (1, 2), axis=(2, 3))
    for head in ("flatten", "pool"):
        still = convolutional_kernels(IMAGES, OTHERS, head=head, **settings)
        both = convolutional_kernels(moved, np.roll(OTHERS, (1, 2), axis=(2, 3)), head=head, **settings)
        one = convolutional_kernels(moved, OTHERS, head=head, **settings)
        np.testing.assert_allclose(both.tangent, still.tangent, rtol=1e-12)
        # averages over places do not see where anything is
        assert np.allclose(one.tangent, still.tangent, rtol=1e-10) == (head == "pool")


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_chunks_and_precision_change_little(monkeypatch, activation, head):
    settings = {"activation": activation, "head": head, "depths": [1, 2, 5], "keep": 0.9, **VARIANCES}
    whole = convolutional_kernels(IMAGES, **settings)
    single = convolutional_kernels(IMAGES, dtype="float32", **settings)
    monkeypatch.setattr(devices, "_CPU_BYTES", 1)
    parts = convolutional_kernels(IMAGES, **settings)
    for name in ("covariance", "tangent"):
        made = getattr(whole, name)
        np.testing.assert_array_equal(made, made.transpose(0, 2, 1))
        assert made.dtype == np.float64
        np.testing.assert_allclose(getattr(parts, name), made, rtol=1e-13)
        np.testing.assert_allclose(getattr(single, name), made, rtol=1e-4, atol=1e-6)
    # on the diagonal a point meets itself: dropout tells
    same = convolutional_kernels(IMAGES, IMAGES, **settings)
    off = ~np.eye(len(IMAGES), dtype=bool)
    np.testing.assert_allclose(same.tangent[:, off], whole.tangent[:, off], rtol=1e-11)
    assert np.all(whole.tangent[1:, ~off] > 1.05 * same.tangent[1:, ~off])


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_empty_places_do_no_harm(activation, head):
    blank = np.zeros((2, 1, 6, 6))
    blank[0, 0, 2, 2] = 1.0
    found = convolutional_kernels(
        blank, activation=activation, head=head, depths=[1, 4], weight_variance=1.0, bias_variance=0.0
    )
    assert np.all(found.tangent[:, 1] == 0.0)
    assert np.all(found.tangent[:, 0, 0] > 0.0)


ARCHITECTURES = [
    Architecture((Convolution(300), Convolution(300, boundary="circular")), (), "pool", "erf"),
    Architecture((Convolution(300, boundary="circular"),) * 2, (), activation="relu"),
    Architecture((Convolution(300, 5, 2, 2), Convolution(300, 3, 2, 1)), (300, 300), activation="relu"),
    Architecture((Convolution(300, 2, 2, 0), Convolution(300, 3, 1, 2, "circular")), (300,), "pool", "erf"),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_drawn_networks_have_the_limit_for_their_mean(architecture):
    network = Network(architecture, Prior(weight_variance=1.8, bias_variance=0.2), (2, 4, 3), 1)
    rng = np.random.default_rng(3)
    weights = network.weights(network.draw(40, rng))
    drawn = empirical_tangent_kernel(network, weights, IMAGES).double().numpy()
    limit = limit_tangent_kernel(network, IMAGES)
    error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    assert np.all(error < 0.03 * limit)
    # corrections are of the order of layers over channels
    assert np.all(np.abs(drawn.mean(axis=0) - limit) < 4.0 * error + limit * len(network.layers) / 300)
    np.testing.assert_allclose(limit_tangent_kernel(network, IMAGES, IMAGES), limit, rtol=1e-6)


@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_outputs_of_drawn_networks_have_the_covariance(head):
    # many outputs of one network are as many draws, but for channels of finite number
    channels, drawn, outputs = 128, 60, 200
    architecture = Architecture((Convolution(channels, boundary="circular"),) * 2, (), head, "erf")
    prior = Prior(weight_variance=1.7, bias_variance=0.3)
    network = Network(architecture, prior, (2, 4, 3), outputs)
    latent = network.draw(drawn, np.random.default_rng(4))
    scores = network.scores(latent, torch.tensor(IMAGES).float()).double().numpy()
    products = np.einsum("kio,kjo->kij", scores, scores) / outputs
    found = convolutional_kernels(IMAGES, depths=[3], head=head, boundary="circular", **VARIANCES)
    limit = found.covariance[0]
    error = products.std(axis=0) / np.sqrt(drawn)
    assert np.all(error < 0.03 * np.diagonal(limit).max())
    assert np.all(np.abs(products.mean(axis=0) - limit) < 4.0 * error + np.diagonal(limit).max() / channels)
    np.testing.assert_allclose(limit_tangent_kernel(network, IMAGES), found.tangent[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"inputs": IMAGES[0]},
            r"inputs must have shape \(points, channels, height, width\), got \(2, 4, 3\)",
        ),
        (
            {"others": IMAGES[:, :1]},
            r"others must be images of shape \(2, 4, 3\) like inputs",
        ),
        ({"inputs": np.inf * IMAGES}, "inputs must be finite"),
        ({"depths": []}, "depths must be ascending integers of at least 1"),
        ({"depths": [2, 2]}, "depths must be ascending integers of at least 1"),
        ({"kernel": 2}, "kernel must be odd, got 2"),
        ({"keep": 0.0}, r"keep must lie in \(0, 1\], got 0"),
        ({"activation": "tanh"}, "activation must be one of erf, relu, got 'tanh'"),
        ({"head": "max"}, "head must be one of flatten, pool, got 'max'"),
        ({"boundary": "same"}, "boundary must be one of zeros, circular, got 'same'"),
        ({"dtype": "float16"}, "dtype must be one of float64, float32, got 'float16'"),
        ({"weight_variance": -1.0}, "weight_variance must be positive and finite, got -1"),
        ({"bias_variance": -1.0}, "bias_variance must be finite and at least 0, got -1"),
        ({"device": "tpu"}, "device must be auto, cpu or cuda, got 'tpu'"),
        ({"activation": "relu", "weight_variance": 1e200}, "the kernel overflows at depth 3"),
    ],
)
def test_says_what_does_not_fit(changes, message):
    given = {"inputs": IMAGES, "depths": [3], **VARIANCES, **changes}
    with pytest.raises(ValueError, match=message):
        convolutional_kernels(given.pop("inputs"), given.pop("others", None), **given)


@pytest.mark.slow
def test_is_what_neural_tangents_finds(neural_tangents):
    cases = [
        {"activation": a, "head": h, "boundary": b, "kernel": k, "keep": keep}
        for a, h, b, k, keep in product(
            ("erf", "relu"), ("flatten", "pool"), ("zeros", "circular"), (3, 5), (1.0, 0.7)
        )
    ]
    made = neural_tangents(
        f"""
made = {{}}
for n, case in enumerate({cases!r}):
    W, b = {VARIANCES["weight_variance"]} ** 0.5, {VARIANCES["bias_variance"]} ** 0.5
    padding = "SAME" if case["boundary"] == "zeros" else "CIRCULAR"
    unit = stax.Erf() if case["activation"] == "erf" else stax.Relu()
    convolution = stax.Conv(1, (case["kernel"],) * 2, padding=padding, W_std=W, b_std=b)
    head = stax.Flatten() if case["head"] == "flatten" else stax.GlobalAvgPool()
    dropout = [] if case["keep"] == 1.0 else [stax.Dropout(case["keep"], mode="train")]
    network = stax.serial(*[convolution, unit] * 2, head, *dropout, stax.Dense(1, W_std=W, b_std=b))
    x, y = (given[name].transpose(0, 2, 3, 1) for name in ("x", "y"))
    for name, other in (("own", None), ("across", y)):
        made[f"{{name}} {{n}}"] = np.stack(network[2](x, other, ("nngp", "ntk")))
""",
        x=IMAGES,
        y=OTHERS,
    )
    for n, case in enumerate(cases):
        for name, others in (("own", None), ("across", OTHERS)):
            found = convolutional_kernels(IMAGES, others, depths=[3], **case, **VARIANCES)
            kernels = np.stack([found.covariance[0], found.tangent[0]])
            np.testing.assert_allclose(kernels, made[f"{name} {n}"], rtol=1e-7, err_msg=str(case))


@pytest.mark.gpu
@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_is_the_same_on_a_gpu(head):
    here, there = (
        convolutional_kernels(IMAGES, depths=[1, 4], head=head, device=device, **VARIANCES).tangent
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(there, here, rtol=1e-11)
