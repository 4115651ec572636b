"""A metric of one's own: how strong the edges of samples are, beside those of held-out images."""

from torch import Tensor

from model.evaluation.own_metrics import Evaluated, Metric


class EdgeStrength(Metric):
    """Mean absolute difference of neighbouring pixels, of samples over that of held-out images: 1 where they are as sharp."""

    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        down, across = (images.diff(dim=dim).abs().mean(dim=(1, 2, 3)) for dim in (2, 3))
        return down + across

    def value(self, evaluated: Evaluated) -> float:
        return (evaluated.samples.measured.mean() / evaluated.held_out.measured.mean()).item()
