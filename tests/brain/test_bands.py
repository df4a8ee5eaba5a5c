"""Bands stay within what recordings can hold."""

import numpy as np
import pytest

from layerscope.brain.bands import bands_within, fine_bands, frequencies, masks
from layerscope.errors import LayerscopeError


def test_bands_are_cut_at_nyquist_and_passband_and_left_out_when_empty():
    names = [band.name for band in bands_within(256, 768)]
    assert names == ["delta", "theta", "alpha", "beta", "gamma"]
    muse = bands_within(256, 231, passband=(1, 30))
    assert [(band.name, band.high) for band in muse][-1] == ("beta", 30.0)
    assert bands_within(100, 100)[-1].high == 50.0
    short = bands_within(256, 26)  # 9.8 Hz of resolution
    assert [band.name for band in short] == ["alpha", "beta", "gamma"]


def test_custom_bands_that_cannot_be_are_refused():
    with pytest.raises(LayerscopeError, match=r"flicker = .*lower one first"):
        bands_within(256, 256, bands={"flicker": (22, 18)})
    with pytest.raises(LayerscopeError, match="no band of high holds"):
        bands_within(256, 256, bands={"high": (150, 180)})


def test_no_frequency_lies_in_two_of_the_usual_bands_or_between_fine_ones():
    held = masks(bands_within(256, 768), 768, 256.0)
    known = frequencies(768, 256.0)
    assert held.sum(0).max() == 1
    assert held[:, (known >= 1) & (known < 100)].all(1).sum() == 0
    assert held[:, (known >= 1) & (known < 100)].any(0).all()
    fine = fine_bands(256, 768, passband=(1, 45))
    assert masks(fine, 768, 256.0).sum(0).max() == 1
    at = masks(fine, 768, 256.0)[:, np.flatnonzero(known == 20)[0]]
    assert fine[int(at.argmax())].name == "20 Hz"


def test_fine_bands_are_no_finer_than_the_epochs():
    fine = fine_bands(256, 128)  # 2 Hz
    assert [band.name for band in fine[:3]] == ["2 Hz", "4 Hz", "6 Hz"]
    assert masks(fine, 128, 256.0).sum(1).min() == 1
