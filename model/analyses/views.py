"""What training has shown of its images: views, passes, and how often two tokens of an image had different noise levels.

From the config and the named streams alone: these are the very draws of the trial's steps, with no weights and no images. A view is an
image with a group at a noise level, told apart to a tenth of [0, 1]; a joint view is an image with the levels of all its groups. N images
of a step, R levels of an image, T tokens.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.config import TrainConfig
from model.data.examples import batch_places
from model.data.images import DataFacts
from model.noise.partition import draw_partition, draw_whole_images
from model.noise.timesteps import draw_quantiles, to_noise_level
from model.randomness import BatchStreams

NAME = "views"
BINS = 10
POINTS = 20
"""Of the curves."""
MOST_STEPS = 20_000
"""Of a longer run the first ones, which take a second or two."""
MOST_HELD = 2**28
"""Views that can be told apart, a byte each; of more none is counted."""


@dataclass(frozen=True)
class Shown:
    """What the first steps have shown, at each of the points."""

    steps: tuple[int, ...]
    views: NDArray[np.float64]
    """Distinct (image, group, level bin); NaN where there are too many to count."""
    joint: NDArray[np.float64]
    """Distinct (image, level bins of all groups); NaN likewise."""
    groups: int
    """That have a level or a partition of their own: 1 where the whole image is one."""
    different: NDArray[np.float64]
    """Share of the pairs of tokens of an image that had different levels, over all images seen so far."""
    read: NDArray[np.float64]
    """Share of the ordered pairs that did, and of which the one could read the other in one attention call."""


def views(trained: Trained) -> AnalysisResult:
    """Over [step]: `views`, `joint_views` and each as a share of all there are, `passes`, `different_pairs`, `read_pairs`."""
    config, known = trained.config, trained.facts
    tokens = config.fit(known.resolution)
    found = shown(config, known, tokens, min(config.steps, MOST_STEPS))
    step = Axis("step", tuple(float(each) for each in found.steps), "steps")
    all_views = known.train * found.groups * BINS
    # Too many joint views to count may be too many for a float, too.
    counted = not np.isnan(found.joint).all()
    share_of_joint = found.joint / (known.train * BINS**found.groups) if counted else found.joint
    passes = np.array([config.passes(each, known.train) for each in found.steps])
    named = {
        "views": ("distinct views (image, group, tenth of the noise levels)", found.views),
        "joint_views": ("distinct joint views (image, levels of all groups)", found.joint),
        "share_of_views": ("share of all views", found.views / all_views),
        "share_of_joint_views": ("share of all joint views", share_of_joint),
        "passes": ("passes over the training images", passes),
        "different_pairs": ("share of token pairs at different noise levels", found.different),
        "read_pairs": ("share of token pairs at different noise levels that read each other", found.read),
    }
    arrays = tuple(AnalysisArray(name, label, (step,), values) for name, (label, values) in named.items())
    details = {"training_images": known.train, "level_bins": BINS, "groups": found.groups, "counted_steps": found.steps[-1]}
    return trained.result(NAME, arrays, details | {"steps": config.steps, "training_seed": config.seed})


def shown(config: TrainConfig, known: DataFacts, tokens: int, steps: int) -> Shown:
    """What the first `steps` steps of a trial on data of `known` show."""
    rows = {"single": 1, "dual": len(config.partition.shares), "per_token": tokens}[config.timesteps.kind]
    groups = max(rows, len(config.partition.shares) if config.partitioned else 1)
    seen = _nothing_seen(known.train, groups, BINS)
    together = _nothing_seen(known.train, BINS**groups)
    points = sorted({max(1, round(steps * part / POINTS)) for part in range(1, POINTS + 1)})
    views, joint, different, read = np.full((4, len(points)), np.nan)
    differing = reading = 0.0
    for step in range(steps):
        streams = BatchStreams(config.seed, step, config.batch_size)
        places = batch_places(streams, known.train).numpy()
        levels = _levels(config, tokens, streams)
        bins = (levels * BINS).long().clamp(max=BINS - 1).expand(-1, groups).numpy()
        if seen is not None:
            seen[places[:, None], np.arange(groups), bins] = True
        if together is not None:
            together[places, bins @ BINS ** np.arange(groups)] = True
        counts = _counts(config, tokens, streams, levels.shape[1])
        share = different_pairs(levels, counts)
        differing += share.mean().item()
        reading += (share * _read(config, tokens, counts)).mean().item()
        if step + 1 in points:
            at = points.index(step + 1)
            different[at], read[at] = differing / (step + 1), reading / (step + 1)
            views[at], joint[at] = (np.nan if which is None else which.sum() for which in (seen, together))
    return Shown(tuple(points), views, joint, groups, different, read)


def _nothing_seen(*sizes: int) -> NDArray[np.bool_] | None:
    return np.zeros(sizes, dtype=bool) if math.prod(sizes) <= MOST_HELD else None


def _levels(config: TrainConfig, tokens: int, streams: BatchStreams) -> Tensor:
    """(N, R) noise levels of the step, as `model.objective.draw` draws them."""
    levels = to_noise_level(config.timesteps, draw_quantiles(config.timesteps, len(config.partition.shares), tokens, streams))
    if config.mixes_whole_images:
        levels = torch.where(draw_whole_images(config.partition, streams)[:, None], levels[:, :1], levels)
    return levels


def _counts(config: TrainConfig, tokens: int, streams: BatchStreams, rows: int) -> Tensor:
    """(N or 1, R) tokens of each level."""
    if rows in (1, tokens):
        return torch.full((1, rows), tokens // rows)
    if config.partition.exact:
        return torch.tensor([config.partition.counts(tokens)])
    groups = draw_partition(config.partition, tokens, streams, partitioned=True).groups
    assert groups is not None, "sizes that vary are drawn"
    return torch.nn.functional.one_hot(groups, rows).sum(dim=1)


def different_pairs(levels: Tensor, counts: Tensor) -> Tensor:
    """(N,) float64: share of the pairs of tokens of an image at different levels, of levels (N, R) that counts (N or 1, R) tokens have."""
    ordered, order = levels.sort(dim=1)
    # Tokens of each run of equal levels, in the place of the run's number: R values for an image, where pairs of levels would be R * R.
    run = torch.nn.functional.pad((ordered[:, 1:] != ordered[:, :-1]).long(), (1, 0)).cumsum(dim=1)
    sizes = counts.double().expand(levels.shape).gather(1, order)
    return 1 - pairs_within(torch.zeros_like(sizes).scatter_add(1, run, sizes))


def pairs_within(counts: Tensor) -> Tensor:
    """(N,) float64: share of the ordered pairs of tokens that are in one part, of parts of counts (N, G) tokens."""
    counts = counts.double()
    tokens = counts.sum(dim=1)
    return (counts * (counts - 1)).sum(dim=1) / (tokens * (tokens - 1)).clamp(min=1)


def _read(config: TrainConfig, tokens: int, counts: Tensor) -> Tensor | float:
    """Of ordered pairs of tokens at different levels, the share of which the first may read the second: a number, or one for each image.

    Where parts are drawn anew, for views or for levels of tokens, it is the mean over such draws. `counts` (N or 1, R) are the tokens of
    each level.
    """
    match config.attention.separation:
        case "none":
            return 1.0
        case "full" if config.timesteps.kind != "per_token":
            return 0.0
        case "full" | "shuffled":  # which then read within parts that levels have nothing to do with
            if config.timesteps.kind == "dual":
                return pairs_within(counts)  # views have the sizes of the image's groups
            if config.partition.exact:
                return pairs_within(torch.tensor([config.partition.counts(tokens)])).item()
            return sum(share**2 for share in config.partition.shares)
        case _:
            return 0.5
