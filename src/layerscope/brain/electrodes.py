"""Where electrodes lie on the head, by their names."""

from collections.abc import Sequence

import numpy as np

from layerscope.errors import Refused

#: Below so many electrodes nothing is interpolated between them: each is drawn where it lies.
INTERPOLATED_FROM = 10
#: MNE's names of the same montage: the newer one first.
_MONTAGES = ("colin27_1020", "standard_1020")


def head_positions(channels: Sequence[str]) -> np.ndarray:
    """Give the place of each electrode on the head seen from above, `(channel, 2)`: right, front.

    Names of the extended 10-20 system, in any case, as MNE's `standard_1020` has them. The distance
    from the vertex is the angle from it, 1 at the height of the ears' upper edge (azimuthal
    equidistant).

    Raises:
        Refused: names without a known position, or MNE is not installed.

    """
    try:
        from mne.channels import get_builtin_montages, make_standard_montage
    except ImportError:
        raise Refused("positions of electrodes need MNE: pip install 'layerscope[brain]'") from None
    name = next(name for name in _MONTAGES if name in get_builtin_montages())
    places = make_standard_montage(name).get_positions()["ch_pos"]
    known = {name.lower(): place for name, place in places.items()}
    unknown = [name for name in channels if name.lower().strip() not in known]
    if unknown:
        raise Refused(
            f"no position is known for {', '.join(unknown[:8])}: topographic maps need names of "
            "the extended 10-20 system, such as TP9 or Cz"
        )
    centre = np.mean([known[name] for name in ("t7", "t8", "fpz", "oz")], axis=0)
    centre[2] = known["fpz"][2]
    found = np.stack([known[name.lower().strip()] for name in channels]) - centre
    radius = np.linalg.norm(found, axis=1)
    angle = np.arccos(np.clip(found[:, 2] / radius, -1, 1)) / (np.pi / 2)
    flat = np.hypot(found[:, 0], found[:, 1])
    return found[:, :2] / np.maximum(flat, 1e-9)[:, None] * angle[:, None]
