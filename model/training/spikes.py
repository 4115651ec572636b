"""Loss spikes: an early sign that training is about to break."""

import torch
from torch import Tensor

WINDOW = 64
"""Steps before a step that say what its loss should be."""
FAR = 6 * 1.4826
"""A spike is so many median absolute deviations above their median: six standard deviations, were the losses normal."""


class LossSpikes:
    """Counts the steps whose generation loss is far above the median of the `WINDOW` before, from the second half of the first window on.

    Lives on the device and asks nothing of it.
    """

    def __init__(self, device: torch.device) -> None:
        self.recent = torch.full((WINDOW,), torch.inf, dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.float64, device=device)

    def look(self, loss: Tensor, step: int) -> None:
        """`loss` () of the step that is `step` from 0."""
        usual = self.recent.median()
        spread = (self.recent - usual).abs().median()  # not a number while most of the window is empty, and nothing is above that
        self.count += loss > usual + FAR * spread
        self.recent[step % WINDOW] = loss

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return {"recent_losses": self.recent, "count": self.count}
