"""The noise ceiling: how alike to the subjects' RDMs the best of all models could be."""

from dataclasses import dataclass

import numpy as np

from layerscope.brain.compare import comparison, ranks
from layerscope.errors import Refused


@dataclass(frozen=True, eq=False)
class Ceiling:
    """The two bounds, and what each subject adds to them, `(subject,)`."""

    lower: float
    upper: float
    lower_of: np.ndarray
    upper_of: np.ndarray


def noise_ceiling(subjects: np.ndarray, compare: str = "spearman") -> Ceiling:
    """Bound the mean similarity that any model can reach to the RDMs `(subject, pair)`.

    Upper: each subject against the mean of all, which holds that subject too. Lower: each subject
    against the mean of the others. Means are of ranks, for either comparison, as in rsatoolbox.
    Nili et al. 2014, doi:10.1371/journal.pcbi.1003553.

    Raises:
        Refused: fewer than two subjects, of whom nothing is known.

    >>> round(noise_ceiling(np.array([[1, 2, 3], [1, 3, 2]])).lower, 6)
    0.5

    """
    subjects = np.atleast_2d(subjects)
    count = len(subjects)
    if count < 2:
        raise Refused(
            f"a noise ceiling needs the RDMs of two or more subjects, and there is {count}: "
            "how far subjects agree cannot be known from one"
        )
    alike, ranked = comparison(compare), ranks(subjects)
    every = ranked.mean(0)
    upper = alike(subjects, every[None])[:, 0]
    others = (count * every - ranked) / (count - 1)  # (subject, pair)
    lower = np.diag(alike(subjects, others))
    return Ceiling(float(lower.mean()), float(upper.mean()), lower, upper)
