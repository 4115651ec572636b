"""The kernel distance against a double loop, by hand, a closed form of two Gaussians, and torch-fidelity; and in an evaluation."""

from pathlib import Path

import pytest
import torch
from tiny_extractors import counting, nothing
from tiny_trials import network_of, tiny
from torch import Tensor

from model.data.dataset import DataSet
from model.evaluation import kernel_distance as kernels
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import FeatureExtractor
from model.evaluation.kernel_distance import kernel_distance, squared_mmd, subset_sizes
from model.evaluation.reference import classifier_reference, load_or_make_reference
from model.randomness import stream


def drawn(n: int, seed: int, width: int = 5) -> Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def double_loop(x: Tensor, y: Tensor) -> float:
    def kernel(a: Tensor, b: Tensor) -> float:
        return float((sum(p * q for p, q in zip(a.tolist(), b.tolist(), strict=True)) / len(a) + 1) ** 3)

    def within(points: Tensor) -> float:
        pairs = [kernel(a, b) for i, a in enumerate(points) for j, b in enumerate(points) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(a, b) for a in x for b in y]
    return within(x) + within(y) - 2 * sum(across) / len(across)


@pytest.mark.parametrize("sizes", [(2, 2), (7, 11), (12, 5)])
def test_against_a_double_loop(sizes: tuple[int, int]) -> None:
    x, y = drawn(sizes[0], 1), drawn(sizes[1], 2) + 0.5
    assert squared_mmd(x, y) == pytest.approx(double_loop(x, y), rel=1e-10)


def test_two_points_by_hand() -> None:
    """Of one feature: k(x1, x2) = (0 + 1)^3, k(y1, y2) = (2 + 1)^3, and across (0 + 1)^3, (0 + 1)^3, (1 + 1)^3, (2 + 1)^3."""
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    assert squared_mmd(x, y) == 1 + 27 - 2 * (1 + 1 + 8 + 27) / 4


def test_its_mean_is_that_of_two_gaussians() -> None:
    """E k(a, b) of independent N(u, I), N(v, I) in d features: with q = u.v / d, s = (|u|^2 + |v|^2 + d) / d^2 is the variance of a.b / d.

    The third moment of a.b / d about its mean is 6 u.v / d^3, so E (1 + a.b / d)^3 = (1 + q)^3 + 3 (1 + q) s + 6 q / d^2.
    """
    width, offset = 4, 1.0

    def kernel(u: Tensor, v: Tensor) -> float:
        q, s = u @ v / width, (u @ u + v @ v + width) / width**2
        return ((1 + q) ** 3 + 3 * (1 + q) * s + 6 * q / width**2).item()

    zero, moved = torch.zeros(width, dtype=torch.float64), torch.full((width,), offset, dtype=torch.float64)
    wanted = kernel(zero, zero) + kernel(moved, moved) - 2 * kernel(zero, moved)
    found = [squared_mmd(drawn(20, 2 * i, width), drawn(20, 2 * i + 1, width) + offset) for i in range(1500)]
    error = torch.tensor(found).std().item() / len(found) ** 0.5
    assert abs(sum(found) / len(found) - wanted) < 4 * error
    assert error < 0.02 * wanted, "tight enough to tell the biased formula, whose diagonals add more"
    same = [squared_mmd(drawn(20, 5000 + 2 * i, width), drawn(20, 5001 + 2 * i, width)) for i in range(1500)]
    assert abs(sum(same) / len(same)) < 4 * torch.tensor(same).std().item() / len(same) ** 0.5
    assert min(same) < 0, "unbiased, so also below 0"


def test_against_torch_fidelity() -> None:
    from model.timm_models import import_timm

    import_timm()
    theirs = pytest.importorskip("torch_fidelity.metric_kid").kernel_mmd
    x, y = drawn(30, 1, 64), drawn(30, 2, 64) * 1.2 + 0.1
    assert squared_mmd(x, y) == pytest.approx(float(theirs(x.numpy(), y.numpy(), verbose=False)), rel=1e-9)


def test_it_is_a_mean_over_subsets_of_our_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "SUBSET", 6)
    monkeypatch.setattr(kernels, "SUBSETS", 4)
    x, y = drawn(9, 1), drawn(8, 2)

    def chosen(seed: int, kind: str, subset: int, points: Tensor) -> Tensor:
        return points[stream(seed, "kernel_distance", kind, subset).permutation(len(points))[:6]]

    wanted = [double_loop(chosen(3, "real", i, x), chosen(3, "generated", i, y)) for i in range(4)]
    assert kernel_distance(x, y, 3) == pytest.approx(sum(wanted) / 4, rel=1e-10)
    assert kernel_distance(x, y, 4) != kernel_distance(x, y, 3)


def test_few_images_are_one_subset() -> None:
    assert subset_sizes(1438, 1000) == (1000, 100)
    assert subset_sizes(10_000, 50_000) == (1000, 100)
    assert subset_sizes(400, 30) == (30, 100)
    assert subset_sizes(30, 30) == (30, 1)
    x, y = drawn(30, 1), drawn(30, 2)
    assert kernel_distance(x, y, 0) == pytest.approx(squared_mmd(x, y), rel=1e-10)


def test_single_precision_is_widened_first() -> None:
    """Far from the origin the sums are large and their difference small."""
    x, y = (drawn(50, 1) + 100).float(), (drawn(50, 2) + 100).float()
    assert squared_mmd(x, y) == squared_mmd(x.double(), y.double())


def test_it_stands_beside_the_distance_of_the_same_features(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> None:
    network = network_of(tiny())

    def looked(*extra: str) -> tuple[dict[str, float], dict[str, object]]:
        config = tiny(evaluation={"samples": 40, "extra_metrics": extra})
        reference = classifier_reference(config.evaluation, digits, classifier)
        found = evaluate(config, network, digits, classifier, tmp_path / "grid.png", lambda: None, step=0, reference=reference)
        return found.metrics, found.details

    plain, beside = looked()
    metrics, details = looked("kid", "fd_infinity")
    assert metrics.keys() - plain.keys() == {"kid_digits", "fd_infinity_digits"}
    assert plain.items() <= metrics.items(), "no other number moves"
    assert metrics["kid_digits"] > 0.01, "an untrained network"
    assert details["kid_subset"] == 40
    assert (details["kid_subsets"], details["kid_reference_n"]) == (100, 1438)
    assert beside.items() <= details.items()
    assert looked("kid")[0] == plain | {"kid_digits": metrics["kid_digits"]}


def test_the_real_features_are_kept_and_bounded(
    extractor: FeatureExtractor, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.evaluation.reference.KEPT", 20)
    seen, shown = counting(extractor)
    config = tiny(evaluation={"extra_metrics": ["kid"]}).evaluation
    plain = load_or_make_reference(tiny().evaluation, few, 2, seen, tmp_path, nothing)
    assert plain.features is None
    before = sum(shown)
    first = load_or_make_reference(config, few, 2, seen, tmp_path, nothing)
    assert sum(shown) - before == 20, "what an older evaluation kept is used as it is"
    assert first.features is not None
    torch.testing.assert_close(
        first.features, extractor.extract_tokens(few.reference_images.tokens[:20], 2, 3, nothing)[0], rtol=1e-4, atol=1e-5
    )
    again = load_or_make_reference(config, few, 2, seen, tmp_path, nothing)
    assert sum(shown) - before == 20
    assert torch.equal(again.features, first.features)  # type: ignore[arg-type]
