"""Which training images a smaller training set holds."""

import torch
from torch import Tensor

from model.data.images import subset_count


def subset_of(labels: Tensor, asked: int | None, classes: int) -> Tensor:
    """Places (n,) of the first `asked` training images among all, ascending, so that all of them are the training part as it is.

    The first image of every class comes first, then the second of every class, and so on; within a round in the order of the split. So
    subsets are nested, and in each of them two classes differ by more than one image only where the smaller has no more.

    Args:
        labels: (N,) of the training images, in the order of the split.
        asked: As `data.train_images`; None is all.
        classes: Of the data set.

    Raises:
        DataError: There are fewer images than asked for, or fewer are asked for than there are classes.
    """
    n = subset_count(asked, len(labels), classes)
    if n == len(labels):
        return torch.arange(n)
    rounds = torch.empty_like(labels)
    by_class = labels.argsort(stable=True)
    counts = labels.bincount(minlength=classes)
    rounds[by_class] = torch.arange(len(labels)) - (counts.cumsum(0) - counts)[labels[by_class]]
    return rounds.argsort(stable=True)[:n].sort().values
