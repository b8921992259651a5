"""A core of fixed Gabor filters, energies and contrast."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import GaborCore
from sensorium_tf.models.cores._oriented import convolve
from sensorium_tf.models.ops.gabor import pairs
from sensorium_tf.models.ops.rotation import circulant

SMALL = {"wavelengths": [3, 5], "n_rotations": 8, "channels": 2, "hidden_kernel": 3, "seed": 1}


def test_filters_are_pairs_of_no_mean_whose_length_falls_with_the_wavelength():
    filters = pairs((4, 9), 8)
    assert filters.shape == (13, 13, 4 * 2 * 2)
    np.testing.assert_allclose(filters.sum((0, 1)), 0, atol=1e-5)
    lengths = np.tile(np.repeat([6 / 4, 6 / 9], 2), 4)
    np.testing.assert_allclose(np.sqrt((filters**2).sum((0, 1))), lengths, rtol=1e-5)
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


def cells_of(images, to_numpy, **options):
    """Returns [e]+, [-e]+ and size of half the directions, [o]+ of all, and what is plain."""
    core = GaborCore(**{**SMALL, **options})
    core.build((None, *images.shape[1:]))
    cells = to_numpy(core.cells(images.astype("float32")))
    n_filtered = 2 * core.config.filtered
    undirected, odd, plain = np.split(cells, [4 * 3 * n_filtered, 4 * 5 * n_filtered], axis=-1)
    undirected = undirected.reshape(*cells.shape[:3], 4, 3, n_filtered)
    return undirected, odd.reshape(*cells.shape[:3], 8, n_filtered), plain


def test_simple_cells_follow_the_phase_and_complex_cells_do_not(to_numpy):
    columns = np.arange(40)
    gratings = [np.tile(np.cos(2 * np.pi * columns / 5 + p), (40, 1)) for p in (0, np.pi)]
    undirected, odd, _ = cells_of(np.stack(gratings)[..., None], to_numpy)
    # Those of 5 pixels, in the middle, of the first direction.
    (rectified, negative, size), (other, opposite, other_size) = undirected[:, 20, 20, 0, :, 1]
    assert rectified > 0.1 and negative == 0 and size >= rectified
    assert opposite == pytest.approx(rectified, rel=1e-3) and other == 0
    assert other_size == pytest.approx(size, rel=1e-3)
    # A quarter of a wave on, an odd filter answers, and its opposite direction does not.
    forth, back = odd[0, 20, 21, [0, 4], 1]
    assert max(forth, back) > 0.1 and min(forth, back) == 0


def test_contrast_divides_and_is_a_feature_of_its_own(to_numpy):
    grating = np.tile(np.cos(2 * np.pi * np.arange(40) / 5), (40, 1))
    undirected, _, plain = cells_of(np.stack([grating, 4 * grating])[..., None], to_numpy)
    weak, strong = undirected[:, 20, 20, 0, 2, 1]
    assert 1 < strong / weak < 1.5
    # The contrast around, and of the whole image, at the end.
    weak, strong = plain[:, 20, 20, -2:]
    np.testing.assert_allclose(strong / weak, 4, rtol=1e-3)


def test_other_channels_are_features_as_they_are(rng, to_numpy):
    images = rng.normal(size=(1, 14, 14, 3))
    *_, plain = cells_of(images, to_numpy)
    np.testing.assert_allclose(plain[..., :3], images, atol=1e-6)
    assert plain.shape[-1] == 3 + 2
    undirected, odd, _ = cells_of(images, to_numpy, filtered=2)
    assert undirected.shape[-2:] == (3, 4) and odd.shape[-2:] == (8, 4)


def test_a_cell_that_is_there_once_counts_at_all_its_directions(rng, to_numpy):
    images = rng.normal(size=(2, 14, 14, 1)).astype("float32")
    core = GaborCore(**SMALL)
    core.build(images.shape)
    first = to_numpy(convolve(core.cells(images), core._kernel()))
    undirected, odd, plain = cells_of(images, to_numpy)
    shape = (*images.shape[:3], 8)
    every = [np.concatenate([undirected] * 2, axis=3).reshape(*shape, -1), odd]
    every.append(np.repeat(plain[:, :, :, None], 8, axis=3))
    every = np.concatenate(every, axis=-1).reshape(*images.shape[:3], -1)
    expected = every @ to_numpy(circulant(core.mix))[0, 0]
    np.testing.assert_allclose(first, expected, atol=1e-4)


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
