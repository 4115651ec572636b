"""What features say: the probe against scikit-learn, CKA against its closed forms, and features that no label leaks into."""

from typing import Any

import numpy as np
import pytest
import torch
from analysed import analysed, few
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.preprocessing import StandardScaler
from tiny_trials import network_of, tiny
from torch.testing import assert_close

from model.analyses.alignment import alignment, layer_features
from model.analyses.pooled_features import pooled_features
from model.analyses.probe import PENALTY, probe, probe_accuracies, ridge
from model.analyses.similarity import cka_of_layers, linear_cka, unbiased_hsic
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.grouping import Grouping
from model.noise.process import FLOW
from model.randomness import stream, stream_seed


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ridge_is_scikit_learns(rng: np.random.Generator) -> None:
    features, targets = rng.normal(2, 3, size=(40, 7)), rng.normal(size=(40, 3))
    for penalty in (0.1, 1.0, 50.0):
        weights, offset = ridge(features, targets, penalty)
        theirs = Ridge(alpha=penalty, solver="cholesky").fit(features, targets)
        np.testing.assert_allclose(weights.T, theirs.coef_, rtol=1e-8)
        np.testing.assert_allclose(offset, theirs.intercept_, rtol=1e-8)


def test_the_probe_tells_what_scikit_learns_classifier_tells(rng: np.random.Generator) -> None:
    labels, wanted = (torch.from_numpy(rng.integers(0, 4, size=n)) for n in (120, 90))
    known, new = (
        torch.from_numpy(rng.normal(size=(len(of), 9)) * 5 + 3 + of.numpy()[:, None] * (np.arange(9) < 2)) for of in (labels, wanted)
    )
    scaler = StandardScaler().fit(known.numpy())
    theirs = RidgeClassifier(alpha=PENALTY, solver="cholesky").fit(scaler.transform(known.numpy()), labels.numpy())
    found = probe_accuracies(known, labels, new, wanted, 4)
    assert found[0] == theirs.score(scaler.transform(new.numpy()), wanted.numpy())
    assert found[1] == theirs.score(scaler.transform(known.numpy()), labels.numpy())
    assert 0.2 < found[0] < 1


def test_a_planted_linear_dependence_is_found(rng: np.random.Generator) -> None:
    """A class in one direction of the features, beside noise and a constant; where it is not planted, the probe is at chance."""
    labels, wanted = (torch.from_numpy(rng.integers(0, 2, size=n)) for n in (200, 400))
    noise = [torch.from_numpy(rng.normal(size=(len(of), 6))) for of in (labels, wanted)]
    direction = torch.from_numpy(rng.normal(size=6))
    planted = [each + 20 * of[:, None] * direction for each, of in zip(noise, (labels, wanted), strict=True)]
    still = [torch.cat([each, torch.full((len(each), 1), 3.0, dtype=torch.float64)], dim=1) for each in planted]
    assert probe_accuracies(still[0], labels, still[1], wanted, 2) == (1.0, 1.0)
    assert 0.4 < probe_accuracies(noise[0], labels, noise[1], wanted, 2)[0] < 0.6


def test_features_are_means_of_what_a_block_gives_under_the_null_label(digits: DataSet) -> None:
    config = tiny()
    network = network_of(config)
    images = Examples(digits.held_out.tokens[:5], digits.held_out.labels[:5])
    found = pooled_features(network, images, 0.3, FLOW, 7, "probe_held_out")
    noise = stream(stream_seed(7, "analyses"), "probe_held_out").normal(images.tokens.shape).double()
    t, null = torch.full((5, 1), 0.3, dtype=torch.float64), torch.full((5,), 10)
    noisy = 0.7 * images.tokens + 0.3 * noise
    for layer in (1, 2, 3):
        wanted = network.features(noisy, t, null, Grouping.whole(16), after=layer).mean(dim=1)
        assert_close(found[layer - 1], wanted, rtol=1e-10, atol=1e-12)
    other = Examples(images.tokens, (images.labels + 1) % 10)
    assert torch.equal(pooled_features(network, other, 0.3, FLOW, 7, "probe_held_out"), found), "no label leaks"
    assert_close(pooled_features(network, images, 0.3, FLOW, 7, "probe_held_out", block=2), found, rtol=1e-10, atol=1e-12)


def test_the_probe_of_a_network(digits: DataSet) -> None:
    """A class that is written into the pictures is read from the features; the noise of training and held-out images is not shared."""
    config, data = tiny(), few(digits, held_out=60, train=300)
    shown = [
        Examples(torch.zeros_like(part.tokens) + part.labels[:, None, None] % 2, part.labels % 2) for part in (data.train, data.held_out)
    ]  # type: ignore[attr-defined]
    planted = DataSet(shown[0], shown[1], 1, 10, "planted", shown[0])
    found = probe(analysed(config, network_of(config), planted))
    accuracy, fitted, chance = found.arrays
    assert accuracy.at({"layer": 1, "t": 0.1}) == 1
    assert accuracy.values.shape == fitted.values.shape == (3, 5)
    assert chance.at({}) == pytest.approx(shown[1].labels.bincount().max().item() / 60)
    assert found.details | {"training_images": 300, "held_out_images": 60, "label": "null"} == found.details


def test_equal_features_are_alike_whatever_their_basis_scale_and_offset(rng: np.random.Generator) -> None:
    x = rng.normal(size=(30, 5))
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, 3 * x @ rotation + 7) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("width", [1, 3])
def test_orthogonal_features_are_not_alike(width: int) -> None:
    """Different columns of a Hadamard matrix of n rows, d of them on either side. K = X X' has rows that add up to 0 and a diagonal of d,
    and K L = 0, so without diagonals tr KL is -n d^2, tr KK is d n^2 - n d^2, and every row of either adds up to -d."""
    matrix, n, d = np.array([[1.0]]), 64, width
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    rest = d * d * n * n / ((n - 1) * (n - 2)) - 2 * d * d * n / (n - 2)
    found = linear_cka(matrix[:, 1 : 1 + d], matrix[:, 1 + d : 1 + 2 * d])
    assert found == pytest.approx((rest - n * d * d) / (rest + d * n * n - n * d * d), rel=1e-12)
    assert abs(found) < 0.1


def test_the_estimate_is_unbiased(rng: np.random.Generator) -> None:
    """Of features without relation, wider than there are images: about 0, where the plain estimate is near 1."""
    found = [linear_cka(rng.normal(size=(12, 40)), rng.normal(size=(12, 40))) for _ in range(200)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(200)
    x, y = rng.normal(size=(2, 12, 40))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    plain = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert plain > 0.6


def test_hsic_against_its_definition_over_quadruples(rng: np.random.Generator) -> None:
    """The U-statistic of Song et al. (2012): means over tuples of different images of k_ij l_ij + k_ij l_qr - 2 k_ij l_iq."""
    from itertools import permutations

    n = 6
    k, l = (m + m.T for m in rng.normal(size=(2, n, n)))  # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    each = [k[i, j] * l[i, j] + k[i, j] * l[q, r] - 2 * k[i, j] * l[i, q] for i, j, q, r in permutations(range(n), 4)]
    assert unbiased_hsic(k, l) == pytest.approx(np.mean(each), rel=1e-10)


def test_features_that_do_not_vary_have_no_likeness(rng: np.random.Generator) -> None:
    assert np.isnan(linear_cka(np.ones((8, 3)), rng.normal(size=(8, 3))))


def test_layers_of_a_trial_and_of_two(digits: DataSet) -> None:
    config, data = tiny(), few(digits, held_out=30)
    trained = analysed(config, network_of(config), data)
    found = alignment(trained)
    (layers,) = found.arrays
    assert layers.values.shape == (3, 3, 3)
    assert np.diagonal(layers.values, axis1=1, axis2=2) == pytest.approx(np.ones((3, 3)))
    assert layers.values == pytest.approx(layers.values.transpose(0, 2, 1))
    assert layers.at({"t": 0.5, "layer": 1, "other_layer": 3}) < 1 - 1e-6
    assert found.details["encoder"] is None
    own, other = layer_features(trained, trained.network), layer_features(trained, network_of(config, seed=9))
    assert cka_of_layers(own[1], own[1]) == pytest.approx(layers.values[1])
    assert (cka_of_layers(own[1], other[1]) < 1 - 1e-6).all()


def test_another_trial_beside(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    config, data = tiny(), few(digits, held_out=30)
    trained = analysed(config, network_of(config), data)
    trained.others = {"itself": trained.average, "other": trained.average / "x"}
    monkeypatch.setattr(trained, "load", lambda path: network_of(config, seed=0 if path == trained.average else 9))
    layers, trials = alignment(trained).arrays
    assert trials.values[0] == pytest.approx(layers.values)
    assert trials.at({"other": "other", "t": 0.1, "layer": 2, "other_layer": 2}) < 1 - 1e-6


def test_a_frozen_encoder(digits: DataSet) -> None:
    external: dict[str, Any] = {
        "alignment": {
            "kind": "external",
            "student_layer": 1,
            "encoder": {"name": "test_vit", "weights": "none", "resolution": 64},
        }
    }
    config, data = tiny(external), few(digits, held_out=12)
    found = alignment(analysed(config, network_of(config), data))
    _, encoder = found.arrays
    assert encoder.values.shape == (3, 3)
    assert (np.abs(encoder.values) <= 1).all()
    assert found.details["encoder"] == "test_vit"
