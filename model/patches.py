"""Images to tokens and back. N images, C channels, S side, p patch, T = (S/p)^2 tokens, P = C p p."""

from torch import Tensor


def patchify(images: Tensor, patch: int) -> Tensor:
    """(N, C, S, S) to (N, T, P); tokens row by row, values of a token in the order (C, p, p) of a convolution's kernel."""
    n, c, s, _ = images.shape
    grid = s // patch
    return images.reshape(n, c, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5).reshape(n, grid * grid, c * patch * patch)


def unpatchify(tokens: Tensor, patch: int, channels: int) -> Tensor:
    """(N, T, P) to (N, C, S, S): the inverse of `patchify`."""
    n, t, _ = tokens.shape
    grid = round(t**0.5)
    return tokens.reshape(n, grid, grid, channels, patch, patch).permute(0, 3, 1, 4, 2, 5).reshape(n, channels, grid * patch, grid * patch)
