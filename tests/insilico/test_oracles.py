"""Stimuli and measures beside those of other public packages, where these are installed."""

from types import SimpleNamespace

import numpy as np
import pytest

from sensorium_tf.insilico import dissimilarity_matrix, linear_cka, stimuli

SIZE, ORIGIN = (16, 24), (12, 8)  # stimupy's centre is a pixel's
WAVELENGTH, WIDTH, PHASE = 8.0, 3.0, 50.0


@pytest.mark.parametrize("rotation", [30.0, 110.0])
@pytest.mark.parametrize("name", ["gratings.sinewave", "gabors.gabor"])
@pytest.mark.filterwarnings("ignore:Rounding phase width")
def test_gratings_and_gabors_are_stimupys(name, rotation):
    reason = "stimupy, which wants an older NumPy, is not installed"
    kind, function = name.split(".")
    module = pytest.importorskip(f"stimupy.stimuli.{kind}", reason=reason)
    common = {
        "shape": SIZE, "visual_size": SIZE, "ppd": 1, "frequency": 1 / WAVELENGTH,
        "rotation": rotation, "phase_shift": PHASE, "intensities": (-1, 1), "origin": "center",
    }  # fmt: skip
    # Its rotation is counter-clockwise, its wave a sine.
    (found,) = stimuli.gratings(
        SIZE, -np.radians(rotation), WAVELENGTH, np.radians(PHASE - 90), places=ORIGIN
    )
    if kind == "gabors":
        common["sigma"] = WIDTH
        found = found * stimuli.gaussians(SIZE, ORIGIN, WIDTH)[0]
    np.testing.assert_allclose(found, getattr(module, function)(**common)["img"], atol=1e-3)


def test_dissimilarities_are_rsatoolboxs(rng):
    rsatoolbox = pytest.importorskip("rsatoolbox", reason="rsatoolbox is not installed")
    rates = rng.gamma(2.0, size=(9, 30))
    rdm = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(rates), method="correlation")
    np.testing.assert_allclose(dissimilarity_matrix(rates), rdm.get_matrices()[0], atol=1e-6)


def test_cka_is_torch_ckas(rng):
    torch_cka = pytest.importorskip("torch_cka.cka", reason="torch_cka is not installed")
    import torch

    first, second = rng.normal(size=(20, 7)), rng.normal(size=(20, 9))
    second[:, :7] += first
    kernels = [torch.tensor(each @ each.T).fill_diagonal_(0) for each in (first, second)]
    on_cpu = SimpleNamespace(device="cpu")
    # Its `ones` are float32.
    hsic = {
        (a, b): torch_cka.CKA._HSIC(on_cpu, kernels[a].float(), kernels[b].float())
        for a, b in ((0, 0), (0, 1), (1, 1))
    }
    expected = hsic[0, 1] / np.sqrt(hsic[0, 0] * hsic[1, 1])
    assert linear_cka(first, second) == pytest.approx(expected, rel=1e-5)
