"""Random numbers that belong to an example: drawn from a seed and its identifier alone.

Never from the position in a batch, and never from the global generators.
"""

import hashlib

import torch
from torch import Tensor


def generator(seed: int, example: str, *more: int | str) -> torch.Generator:
    """Return a generator of an example's own, on the CPU.

    >>> one, same = generator(0, "a.jpg", 3), generator(0, "a.jpg", 3)
    >>> bool(torch.rand(1, generator=one) == torch.rand(1, generator=same))
    True
    """
    words = "\0".join(map(str, (seed, example, *more)))
    digest = hashlib.blake2b(words.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def normal(shape: tuple[int, ...], seed: int, example: str, *more: int | str) -> Tensor:
    """Draw standard normal float32 numbers for an example."""
    return torch.randn(shape, generator=generator(seed, example, *more))


def uniform(shape: tuple[int, ...], seed: int, example: str, *more: int | str) -> Tensor:
    """Draw float32 numbers from 0 to 1 for an example."""
    return torch.rand(shape, generator=generator(seed, example, *more))
