"""The bits of every stream: a generator of integers written from its paper, exact values made of its words, laws, and golden hashes.

The hashes hold on every processor. A failure means that no stored trial can be repeated: repair it rather than the hash.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from model import normal_law
from model.backbone.embeddings import TimestepEmbedder, grid_positions
from model.config.noise import LogitNormal, TimestepsConfig
from model.noise.timesteps import to_noise_level
from model.randomness import BatchStreams, stream, stream_seed, xavier_uniform

MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
LOW = 2**64 - 1


def philox(key: int, counter: int) -> list[int]:
    """Philox4x64-10 (Salmon et al. 2011), four numbers of 64 bits."""
    c, k = [counter >> 64 * i & LOW for i in range(4)], [key >> 64 * i & LOW for i in range(2)]
    for _ in range(10):
        p, q = MULTIPLIERS[0] * c[0], MULTIPLIERS[1] * c[2]
        c = [q >> 64 ^ c[1] ^ k[0], q & LOW, p >> 64 ^ c[3] ^ k[1], p & LOW]
        k = [value + step & LOW for value, step in zip(k, WEYL, strict=True)]
    return c


def words(key: int, first: int, count: int) -> npt.NDArray[np.uint32]:
    """32-bit words of a stream: block b of eight is the generator at counter b + 1."""
    blocks = range(first // 8, (first + count - 1) // 8 + 1)
    found = [half for block in blocks for number in philox(key, block + 1) for half in (number & 0xFFFFFFFF, number >> 32)]
    return np.array(found[first % 8 :][:count], dtype=np.uint32)


def test_the_generator_of_the_tests_is_the_published_one() -> None:
    assert philox(0, 0) == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]


@pytest.mark.parametrize(("rows", "values", "first"), [(1, 1, 0), (5, 3, 0), (4, 7, 11), (3, 8, 2), (2, 0, 3), (9, 1, 2**33)])
def test_a_row_takes_its_own_words_of_the_stream(rows: int, values: int, first: int) -> None:
    key = stream_seed(3, "noise", 5)
    own = words(key, first * values, rows * values) if values else np.empty(0, np.uint32)
    drawn = stream(3, "noise", 5)
    assert torch.equal(drawn.uniform((rows, values), first=first), torch.from_numpy((own >> 8) / 2**24).float().view(rows, values))
    assert torch.equal(drawn.normal((rows, values), first=first), torch.from_numpy(normal_law.normal(own)).view(rows, values))


def test_rows_are_the_same_whatever_is_drawn_before_them() -> None:
    whole = stream(0, "x").normal((40, 3, 5))
    for first, last in ((0, 1), (7, 20), (20, 40), (39, 40)):
        stream(9, "other").uniform((3,))
        assert torch.equal(stream(0, "x").normal((last - first, 3, 5), first=first), whole[first:last])


def test_a_process_draws_the_words_of_its_own_images_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(given: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
        asked.append(len(given))
        return normal_law.normal(given)

    monkeypatch.setattr("model.randomness.normal", counted)
    BatchStreams(0, 0, 4096, slice(64, 80)).normal("noise", 16, 4)
    assert asked == [16 * 16 * 4]


def magnitudes(tails: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """|x| of the tails m, as the quantile function of SciPy has them."""
    return -special.ndtri((tails + 0.5) / 2**32)


def test_normal_values_are_quantiles_of_their_words() -> None:
    random = np.random.default_rng(0)
    octaves = np.concatenate([random.integers(2**e, 2 ** (e + 1), 2000) for e in range(31)])
    tails = np.concatenate([np.arange(5000), octaves, 2**31 - 1 - np.arange(5000)])
    for sign in (0, 1):
        x = normal_law.normal((tails + (sign << 31)).astype(np.uint32)).astype(np.float64)
        assert (np.abs(x) >= 0).all()
        assert (np.signbit(x) == bool(sign)).all()
        assert (np.abs(np.abs(x) / magnitudes(tails) - 1) < 1.6e-7).all()
    assert normal_law.normal(np.zeros(1, np.uint32))[0] == pytest.approx(6.338, abs=1e-3)


def test_normal_values_never_fall_as_their_words_rise() -> None:
    """Over the joints of the lines as well."""
    edges = normal_law.edges()[normal_law.BINS * 12 : -1]
    tails = np.unique(np.concatenate([edges // 2 + near for near in (-1, 0, 1)]).astype(np.int64))
    assert (np.diff(normal_law.normal(tails.astype(np.uint32))) <= 0).all()


def test_the_table_is_far_from_where_a_last_digit_would_change_it() -> None:
    """Any library that is right to 1e-14 rounds the same way; checked with another library, too."""
    exact, rounded = normal_law.quantiles()[:-1], normal_law.quantiles()[:-1].astype(np.float32)
    middle = np.spacing(rounded).astype(np.float64) / 2
    assert ((middle - np.abs(exact - rounded)) / exact).min() > 3e-13
    other = -special.ndtri(normal_law.edges() / 2**33)
    assert (other.astype(np.float32) == normal_law.quantiles().astype(np.float32)).all()


def test_laws() -> None:
    n = 400_000
    u, x = (getattr(stream(1, "law"), name)((n,)).double().numpy() for name in ("uniform", "normal"))
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert stats.kstest(x, "norm").pvalue > 0.01
    for power, moment, of_square in ((1, 0, 1), (2, 1, 3), (3, 0, 15), (4, 3, 105)):
        assert abs((x**power).mean() - moment) < 4 * ((of_square - moment**2) / n) ** 0.5
    rows = stream(2, "rows").normal((n // 8, 8)).double()
    correlation = torch.corrcoef(rows.T) - torch.eye(8)
    assert correlation.abs().max() < 5 / (n // 8) ** 0.5
    assert (u >= 0).all()
    assert (u < 1).all()


def test_a_permutation_is_uniform() -> None:
    orders = [tuple(stream(seed, "order").permutation(3).tolist()) for seed in range(6000)]
    counts = [orders.count(order) for order in sorted(set(orders))]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 0.01
    assert torch.equal(stream(0, "order").permutation(1000).sort().values, torch.arange(1000))


@pytest.mark.parametrize("shape", [(30, 50), (8, 4, 3, 3)])
def test_first_weights_are_uniform_within_their_bound(shape: tuple[int, ...]) -> None:
    found = xavier_uniform(shape, stream(0, "init", "a weight"))
    places = np.prod(shape[2:], initial=1)
    bound = (6 / (places * (shape[0] + shape[1]))) ** 0.5
    assert found.abs().max() <= bound
    assert found.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert stats.kstest(found.flatten().double().numpy(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def hashed(values: Tensor) -> str:
    return hashlib.sha256(values.contiguous().numpy().astype(values.numpy().dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


LOGIT_NORMAL = TimestepsConfig(distribution=LogitNormal(), shift=3.0)
BITS: dict[str, tuple[Any, str]] = {
    "uniform": (lambda: stream(0, "bits").uniform((100_000,)), "749a9b67ccb74c9e"),
    "normal": (lambda: stream(0, "bits").normal((1_000_000,)), "160e1bd9264a5392"),
    "normal, later rows": (lambda: stream(0, "bits", 7).normal((1000, 100), first=123_456), "9854060d97dc49d4"),
    "permutation": (lambda: stream(0, "bits").permutation(10_000), "1854a62058909d6d"),
    "first weights": (lambda: xavier_uniform((100, 300), stream(0, "init", "w")), "c4b1fe5675dfb3a4"),
    "frequencies of noise levels": (lambda: TimestepEmbedder(8).frequencies, "77c4766be1f3df24"),
    "positions": (lambda: grid_positions(256, 384), "06955ddc306d0e06"),
    "logit-normal noise levels": (lambda: to_noise_level(LOGIT_NORMAL, stream(0, "timesteps").uniform((1000,))), "2ca2e7f256acdf62"),
}


@pytest.mark.parametrize("what", BITS)
def test_bits_are_the_same_on_every_processor(what: str) -> None:
    make, wanted = BITS[what]
    assert hashed(make()) == wanted
