"""The core of inverted residual blocks of movies."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import InvertedResidual3dCore
from sensorium_tf.models.cores.inverted_residual_3d import encoding_of_places
from sensorium_tf.models.ops.grouped import Shortcut, ShuffledGroups

SMALL = {
    "channels": (4, 6),
    "strides": (2, 1),
    "expansion": 2,
    "temporal_kernel": 3,
    "cortex": (8,),
    "seed": 1,
}


@pytest.fixture
def movie(rng):
    return rng.normal(size=(2, 7, 9, 12, 1)).astype("float32")


def test_blocks_make_the_map_smaller_and_the_cortex_sees_its_mean(movie):
    levels = InvertedResidual3dCore(**SMALL).levels(movie)
    shapes = [(2, 7, 5, 6, 6), (2, 7, 5, 6, 6), (2, 7, 1, 1, 8)]
    assert [tuple(each.shape) for each in levels] == shapes
    levels = InvertedResidual3dCore(**SMALL, pool=False).levels(movie)
    assert tuple(levels[-1].shape) == (2, 7, 5, 6, 8)
    levels = InvertedResidual3dCore(**{**SMALL, "cortex": ()}, pool=False).levels(movie)
    assert [tuple(each.shape) for each in levels] == shapes[:2]


@pytest.mark.parametrize("causal", [False, True])
def test_a_causal_core_knows_of_no_frame_to_come(causal, movie, to_numpy):
    core = InvertedResidual3dCore(**SMALL, causal=causal)
    before = to_numpy(core(movie))
    changed = movie.copy()
    changed[:, 4] += 1
    differs = (to_numpy(core(changed)) != before).any((0, 2, 3, 4))
    assert differs[4]
    assert differs[:4].any() != causal


def test_channels_of_groups_stay_apart_and_are_shuffled(rng, to_numpy):
    layer = ShuffledGroups(6, 2, drop_path=0.0, seed=1, name="cortex")
    clips = rng.normal(size=(1, 2, 1, 1, 4)).astype("float32")
    layer.build((None, None, 1, 1, 4))
    kernel = to_numpy(layer.kernel)
    expected = np.zeros((1, 2, 1, 1, 6))
    for group in range(2):
        expected[..., group::2] = clips[..., 2 * group : 2 * group + 2] @ kernel[group]
    expected /= np.sqrt(1 + 1e-5)
    expected = expected / (1 + np.exp(-expected))
    expected += np.concatenate([clips, clips[..., :2]], axis=-1) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(to_numpy(layer(clips)), expected, rtol=1e-4, atol=1e-5)


def test_a_shortcut_keeps_every_second_pixel_and_repeats_channels(rng, to_numpy):
    clips = rng.normal(size=(1, 1, 5, 4, 2)).astype("float32")
    found = to_numpy(Shortcut(3, 2)(clips)) * np.sqrt(1 + 1e-5)
    assert found.shape == (1, 1, 3, 2, 3)
    np.testing.assert_allclose(found[..., :2], clips[:, :, ::2, ::2], rtol=1e-5)
    np.testing.assert_allclose(found[..., 2], clips[:, :, ::2, ::2, 0], rtol=1e-5)


def test_places_are_told_apart_by_row_and_column():
    encoding = encoding_of_places(5, 7, 8)
    assert encoding.shape == (5, 7, 8)
    np.testing.assert_allclose(encoding[3, 2, 0], np.sin(3), rtol=1e-5)
    np.testing.assert_allclose(encoding[3, 2, 2], np.cos(3), rtol=1e-5)
    np.testing.assert_allclose(encoding[3, 2, 4], np.sin(2), rtol=1e-5)
    np.testing.assert_allclose(encoding[3, 2, 5], np.sin(2 / 100), rtol=1e-4)
    assert encoding_of_places(5, 7, 3).shape == (5, 7, 3)


def test_a_block_that_is_left_out_gives_its_shortcut(rng, to_numpy):
    core = InvertedResidual3dCore(**{**SMALL, "cortex": ()}, pool=False, drop_path=0.9)
    movies = rng.normal(size=(30, 2, 9, 12, 1)).astype("float32")
    first, second = core.levels(movies, training=True)
    block = core.blocks[1]
    kept = block.shortcut(first + block.encoding, training=True)
    left_out = np.isclose(to_numpy(second), to_numpy(kept), atol=1e-5).all((1, 2, 3, 4))
    assert 2 < left_out.sum() < 28  # of a rate of 0.45


def test_settings_that_do_not_fit_are_one_line():
    with pytest.raises(SensoriumError, match=r"strides \[2\]: expected .* 2 block"):
        InvertedResidual3dCore(**{**SMALL, "strides": (2,)})
    with pytest.raises(SensoriumError, match=r"cortex \[8, 7\]: .* multiples of 2 groups"):
        InvertedResidual3dCore(**{**SMALL, "cortex": (8, 7)})
