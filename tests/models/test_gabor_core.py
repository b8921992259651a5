"""A core of fixed Gabor filters, energies and contrast."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import GaborCore
from sensorium_tf.models.ops.gabor import pairs

SMALL = {"wavelengths": [3, 5], "n_rotations": 8, "channels": 2, "hidden_kernel": 3, "seed": 1}


def test_filters_are_pairs_of_no_mean_and_unit_length():
    filters = pairs((4, 9), 8)
    assert filters.shape == (13, 13, 4 * 2 * 2)
    np.testing.assert_allclose(filters.sum((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose((filters**2).sum((0, 1)), 1, rtol=1e-5)
    even, odd = filters[..., 0], filters[..., 1]
    np.testing.assert_allclose(even, even[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(odd, -odd[:, ::-1], atol=1e-6)
    # A quarter of a circle on are the filters of vertical waves, up first.
    np.testing.assert_allclose(filters[..., 2 * 4 + 1], np.rot90(odd), atol=1e-6)


@pytest.mark.parametrize("n_blocks", [0, 1])
@pytest.mark.parametrize("training", [False, True])
def test_where_the_image_turns_the_map_turns_and_orientations_shift(
    rng, to_numpy, n_blocks, training
):
    core = GaborCore(n_blocks=n_blocks, **SMALL)
    images = rng.normal(size=(2, 14, 14, 2)).astype("float32")

    def features(given):
        found = to_numpy(core(given, training=training))
        return found.reshape(*found.shape[:3], 8, 2)

    straight = features(images)
    turned = features(np.rot90(images, axes=(1, 2)).copy())
    expected = np.roll(np.rot90(straight, axes=(1, 2)), 2, axis=3)
    np.testing.assert_allclose(turned, expected, atol=1e-4)
    assert not np.allclose(turned, np.rot90(straight, axes=(1, 2)), atol=1e-2)


def cells_of(image, to_numpy, **options):
    core = GaborCore(**{**SMALL, **options})
    cells = to_numpy(core.cells(image[None, :, :, None].astype("float32")))
    return cells.reshape(*cells.shape[1:3], 8, -1)


def test_simple_cells_follow_the_phase_and_complex_cells_do_not(to_numpy):
    columns = np.arange(40)
    gratings = [np.tile(np.cos(2 * np.pi * columns / 5 + p), (40, 1)) for p in (0, np.pi)]
    first, opposite = (cells_of(each, to_numpy)[20, 20, 0] for each in gratings)
    # Of each direction: [e]+, [-e]+, size, [o]+ of both wavelengths, then what is plain.
    rectified, negative, size = (first[2 * k + 1] for k in range(3))
    assert rectified > 0.1 and negative == 0 and size >= rectified
    assert opposite[2 * 1 + 1] == pytest.approx(rectified, rel=1e-3) and opposite[2 * 0 + 1] == 0
    assert opposite[2 * 2 + 1] == pytest.approx(size, rel=1e-3)


def test_contrast_divides_and_is_a_feature_of_its_own(to_numpy):
    grating = np.tile(np.cos(2 * np.pi * np.arange(40) / 5), (40, 1))
    weak, strong = (cells_of(scale * grating, to_numpy)[20, 20, 0] for scale in (1.0, 4.0))
    assert 1 < strong[5] / weak[5] < 1.5
    # The contrast around, and of the whole image, at the end.
    assert strong[-2] / weak[-2] == pytest.approx(4, rel=1e-3)
    assert strong[-1] / weak[-1] == pytest.approx(4, rel=1e-3)


def test_other_channels_are_features_as_they_are(rng, to_numpy):
    images = rng.normal(size=(1, 14, 14, 3)).astype("float32")
    core = GaborCore(**SMALL)
    cells = to_numpy(core.cells(images)).reshape(1, 14, 14, 8, -1)
    np.testing.assert_allclose(cells[:, :, :, 5, 8:11], images, atol=1e-6)
    assert cells.shape[-1] == 8 + 3 + 2
    both = to_numpy(GaborCore(filtered=2, **SMALL).cells(images))
    assert both.shape[-1] == 8 * (16 + 3 + 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wavelengths": []}, r"wavelengths \[\]: expected one of at least 2 pixels or several"),
        ({"wavelengths": [1, 5]}, r"wavelengths \[1, 5\]: expected one of at least 2"),
        ({"n_rotations": 7}, "n_rotations 7: expected an even number"),
        ({"hidden_kernel": 4}, "hidden_kernel 4: expected an odd number"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(SensoriumError, match=said):
        GaborCore(**{**SMALL, **options})


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(SensoriumError, match=r"wavelengths \[3, 30\]: images of 14 x 14 pixels"):
        GaborCore(**{**SMALL, "wavelengths": [3, 30]}).build((None, 14, 14, 1))
    with pytest.raises(SensoriumError, match="filtered 2: the images have 1 channels"):
        GaborCore(filtered=2, **SMALL).build((None, 14, 14, 1))
