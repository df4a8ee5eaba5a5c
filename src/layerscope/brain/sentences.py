"""What may be said of an analysis: sentences that their nulls carry, and none without accuracy."""

import numpy as np

from layerscope.brain.use_tables import Compared, layer_rows, swap_rows

#: Peaks that are told of one layer.
PEAKS = 3


def sentences(
    found: Compared, channels: tuple[str, ...], classes: tuple[str, ...], alpha: float
) -> list[str]:
    """Give the findings; where the network is not above chance, only that it is not.

    A band is told where its swap's corrected p value is below `alpha` and it costs more accuracy
    than in any twin; a frequency, a moment and a channel where their corrected p values are, and
    their contrast is larger than any twin's.
    """
    own = found.own
    if not own.chance.above:
        return [
            own.chance.sentence(),
            "Nothing is said of what the layers use: without accuracy that would be noise.",
        ]
    told = [own.chance.sentence()]
    told += _bands(found, alpha)
    told += _frequencies(found, alpha)
    told += _moments(found, channels, classes, alpha)
    if len(told) == 1:
        told.append("No band, frequency or moment stands out from its null.")
    return told


def important_bands(found: Compared, alpha: float) -> list[str]:
    """Name the bands that the network needs: a swap that costs, beyond chance and every twin."""
    if not found.own.chance.above:
        return []
    return [row["band"] for row in swap_rows(found) if _needed(row, alpha)]


def _needed(row: dict, alpha: float) -> bool:
    twins = [row["untrained_cost"], *row["shuffled_costs"]]
    return bool(row["corrected_p"] < alpha and row["cost"] > max(0.0, *twins))


def _bands(found: Compared, alpha: float) -> list[str]:
    told = []
    for row in swap_rows(found):
        if not _needed(row, alpha):
            continue
        twins = [row["untrained_cost"], *row["shuffled_costs"]]
        told.append(
            f"Swapping {row['band']} ({row['low']:g} to {row['high']:g} Hz) between epochs of a "
            f"recording costs {row['cost']:.3f} of the balanced accuracy of {row['accuracy']:.3f} "
            f"(95 % of the draws: {row['cost_low']:.3f} to {row['cost_high']:.3f}; corrected "
            f"p = {row['corrected_p']:.2g}); its {len(twins)} twins lose {max(twins):.3f} at most."
        )
    return told


def _frequencies(found: Compared, alpha: float) -> list[str]:
    told, rows = [], layer_rows(found, "fine")
    for layer in found.own.layer_names:
        above = [
            row
            for row in rows
            if row["layer"] == layer
            and row["corrected_p"] < alpha
            and row["value"] > max(row["untrained"], *row["shuffled"], row["null_limit"])
        ]
        above.sort(key=lambda row: row["null_mean"] - row["value"])
        if above:
            peaks = ", ".join(
                f"{row['band']} ({row['value']:.2f}, null below {row['null_limit']:.2f})"
                for row in above[:PEAKS]
            )
            told.append(f"Through {layer}, what tells the classes apart lies most at {peaks}.")
    return told


def _moments(
    found: Compared, channels: tuple[str, ...], classes: tuple[str, ...], alpha: float
) -> list[str]:
    contrast, windows = found.own.moments.contrast, found.own.moments.windows
    twins = np.stack([twin.moments.contrast.value for twin in found.twins]).max(axis=0)
    above = (contrast.corrected < alpha) & (contrast.value > np.maximum(twins, 0))
    if not above.any():
        return []
    value = np.where(above, contrast.value, -np.inf)
    channel, window = np.unravel_index(value.argmax(), value.shape)
    start, end = windows[window]
    return [
        f"The relevance that tells {', '.join(classes[:-1])} and {classes[-1]} apart is largest at "
        f"{channels[channel]} between {start:.3f} and {end:.3f} s (corrected "
        f"p = {contrast.corrected[channel, window]:.2g})."
    ]
