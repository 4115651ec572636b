"""Whether samples are copies of training images: distances to the nearest ones, in the space of the data.

Two questions. Does a sample lie nearer to the training images than to as many held-out ones? For samples of the true law both are as
likely, so the share is .5 (the data-copying test of Meehan et al., 2004.05675, without its cells). And is one training image much nearer
than every other: d1 / d2, to the nearest and the second nearest, below .5 (2310.02664 calls a ratio below 1/3 memorised)? What the same
ratio is for held-out images, which nobody can have copied, stands beside it. n, k images of P values.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.patches import unpatchify

NAME = "memorisation"
NEAR_COPY = 0.5
"""d1 / d2 below which a sample counts as one."""
BINS = 20
MOST = 4096
"""Training images among which a sample's nearest are looked for."""
PAIRS, MOST_VALUES = 8, 20_000
"""Closest pairs that are shown, where they are small enough to be kept as numbers."""
BLOCK = 256
OF = ("samples", "held-out images")


def memorisation(trained: Trained) -> AnalysisResult:
    """`nearer_to_training`, `near_copies[of]`, `ratios[of, ratio]` as shares; where the closest pairs are stands in the details,
    and small ones are `closest_pairs[pair, image, channel, row, column]`."""
    drawn, trained_on = trained.samples.tokens, trained.known(MOST).tokens
    samples, known, new = (part.flatten(1) for part in (drawn, trained_on, trained.held_out(MOST).tokens))
    if len(known) < 2:
        return trained.not_applicable(NAME, "a ratio of distances needs two training images, and there is 1")
    equal = min(len(known), len(new))
    share = nearer_share(samples, known[:equal], new[:equal])
    ratios, nearest, distance = nearest_ratios(samples, known)
    beside, _, _ = nearest_ratios(new, known)
    both = (ratios.numpy(), beside.numpy())
    edges = np.linspace(0, 1, BINS + 1)
    of = Axis("of", OF)
    middles = tuple((place + 0.5) / BINS for place in range(BINS))
    arrays: tuple[AnalysisArray, ...] = (
        AnalysisArray("nearer_to_training", "share of samples nearer to a training than to a held-out image", (), np.array(share)),
        AnalysisArray(
            "near_copies", f"share with d1 / d2 below {NEAR_COPY:g}", (of,), np.array([(each < NEAR_COPY).mean() for each in both])
        ),
        AnalysisArray(
            "ratios",
            "share, by distance to the nearest over that to the second nearest training image",
            (of, Axis("ratio", middles)),
            np.stack([_shares(each, edges) for each in both]),
        ),
    )
    closest = ratios.argsort(stable=True)[:PAIRS]
    device, patch = drawn.device, trained.config.backbone.patch
    pairs = _pictures(drawn[closest.to(device)], trained_on[nearest[closest].to(device)], patch, trained.data.channels)
    arrays += () if pairs is None else (pairs,)
    details = {
        "samples": len(samples),
        "equal_sets": equal,
        "training_images": len(known),
        "held_out_images": len(new),
        "space": "pixels" if trained.data.bounded else "latents",
        "near_copy": NEAR_COPY,
        "closest": [
            {"sample": place, "training_image": nearest[place].item(), "ratio": ratios[place].item(), "distance": distance[place].item()}
            for place in closest.tolist()
        ],
    }
    return trained.result(NAME, arrays, details)


def nearer_share(samples: Tensor, known: Tensor, new: Tensor) -> float:
    """Share of `samples` (n, P) nearer to one of `known` than to any of `new`, (k, P) both; a tie is a half."""
    assert len(known) == len(new), "of sets of unequal size the larger is nearer"
    first, second = (_nearest(samples, images, 1)[0][:, 0] for images in (known, new))
    return ((first < second).double() + (first == second).double() / 2).mean().item()


def nearest_ratios(images: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of `images` (n, P): d1 / d2, the place of the nearest of `known` (k, P), and d1; each (n,) on the CPU.

    The ratio is 1 where two of `known` lie in the image's own place.
    """
    values, places = _nearest(images, known, 2)
    first, second = values.unbind(dim=1)
    return torch.where(second > 0, first / second.clamp(min=torch.finfo(second.dtype).tiny), 1.0), places[:, 0], first


def _nearest(images: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The smallest distances (n, count), ascending, and where they are; without the shortcut under which a copy would lie apart."""
    values, places = [], []
    for block in images.split(BLOCK):
        apart = torch.cdist(block.double(), others.double(), compute_mode="donot_use_mm_for_euclid_dist")
        found = apart.topk(count, dim=1, largest=False)
        values.append(found.values.cpu())
        places.append(found.indices.cpu())
    return torch.cat(values), torch.cat(places)


def _pictures(samples: Tensor, known: Tensor, patch: int, channels: int) -> AnalysisArray | None:
    """Pairs of tokens (p, T, P) as values of pixels or latents; None of images that are too large to be kept as numbers."""
    both = torch.stack([unpatchify(part, patch, channels) for part in (samples, known)], dim=1)  # (p, 2, C, S, S)
    if both.numel() > MOST_VALUES:
        return None
    _, _, _, rows, columns = both.shape
    axes = (
        Axis("pair", tuple(float(place) for place in range(len(both)))),
        Axis("image", ("sample", "training image")),
        *(
            Axis(name, tuple(float(place) for place in range(size)))
            for name, size in zip(("channel", "row", "column"), (channels, rows, columns), strict=True)
        ),
    )
    return AnalysisArray(
        "closest_pairs", "the samples of smallest d1 / d2, and their nearest training images", axes, both.double().cpu().numpy()
    )


def _shares(ratios: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(ratios, bins=edges)[0] / len(ratios)
