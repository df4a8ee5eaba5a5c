"""Networks that look at a recording as one plane of sensors by time."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layerscope.tape import record, sensor_plane
from layerscope.views import Scope

CHANNELS, TIMES = 3, 40


class Turned(nn.Module):
    """Looks at time first, as braindecode's networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, (5, 1))
        self.fc = nn.Linear(2 * CHANNELS * (TIMES - 4), 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(-1).permute(0, 3, 2, 1)  # (B, 1, T, C)
        return self.fc(self.conv(x).flatten(1))


def straight() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, CHANNELS)),
        nn.Conv2d(1, 2, (1, 5), stride=(1, 2)),
        nn.Conv2d(2, 4, (CHANNELS, 1)),
        nn.Flatten(),
        nn.Linear(4 * 18, 2),
    )


def scope(net: nn.Module) -> Scope:
    return Scope(net, kind="recording", sfreq=100.0, channels=["TP9", "Cz", "TP10"])


def test_maps_of_a_plane_have_an_axis_for_sensors_and_lie_over_the_input() -> None:
    signals = torch.zeros(1, CHANNELS, TIMES)
    signals[0, 1, 20] = 1.0
    net = straight()
    with torch.no_grad():
        net[1].weight.zero_()[:, :, 0, 2] = 1  # passes the sample in its middle
    trace = scope(net).trace(signals)
    view = trace.view("feature_maps", layers="1")["1"]
    assert view.axes == ("batch", "channel", "sensor", "time")
    assert view.values.shape == (1, 2, CHANNELS, 18)
    assert view.grid == ((0.0, 1.0), (2.0, 2.0))
    over = view.over_input().values[0, 0] - net[1].bias.detach()[0].item()
    assert over.shape == (CHANNELS, TIMES)
    assert np.unravel_index(over.argmax(), over.shape) == (1, 20)
    assert np.abs(over[[0, 2]]).max() < 1e-6


def test_a_map_behind_the_spatial_filter_covers_all_sensors() -> None:
    trace = scope(straight()).trace(torch.randn(2, CHANNELS, TIMES))
    view = trace.view("grad_cam", layers="2", target=0)["2"]
    assert view.axes == ("batch", "sensor", "time")
    over = view.over_input().values
    assert over.shape == (2, CHANNELS, TIMES)
    assert np.array_equal(over[:, 0], over[:, 2])


def test_a_plane_with_time_first_is_named_so() -> None:
    trace = scope(Turned()).trace(torch.randn(2, CHANNELS, TIMES))
    view = trace.view("feature_maps", layers="conv")["conv"]
    assert view.axes == ("batch", "channel", "time", "sensor")
    assert view.over_input().values.shape == (2, 2, TIMES, CHANNELS)


@pytest.mark.parametrize("net", [straight(), Turned()])
def test_what_a_position_sees_in_time(net: nn.Module) -> None:
    trace = scope(net).trace(torch.randn(1, CHANNELS, TIMES))
    layer = trace.layer_names("conv")[0]
    seen = trace.seen_in_time(trace.value(layer))
    assert seen is not None
    assert (seen.first, seen.last) == (0, 4)


def test_photographs_have_no_plane_and_plain_recordings_none_either() -> None:
    flat = nn.Sequential(nn.Conv1d(CHANNELS, 2, 5), nn.Flatten(), nn.Linear(2 * 36, 2))
    trace = scope(flat).trace(torch.randn(1, CHANNELS, TIMES))
    assert trace.plane is None
    assert trace.view("feature_maps", layers="0")["0"].axes == ("batch", "channel", "time")
    shuffled = nn.Sequential(nn.Unflatten(2, (1, TIMES)), nn.Flatten(), nn.Linear(120, 2))
    assert sensor_plane(record(shuffled, torch.randn(1, CHANNELS, TIMES))) is None
