"""The core of inverted residual blocks."""

import numpy as np

from sensorium_tf.models import InvertedResidualCore
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.squeeze_excite import SqueezeExcite

SMALL = {"channels": 4, "input_kernel": 5, "hidden_kernel": 3, "seed": 1}


def test_blocks_are_wide_within_and_keep_the_map(rng):
    core = InvertedResidualCore(n_blocks=2, expansion=3, **SMALL)
    images = rng.normal(size=(2, 16, 24, 1)).astype("float32")
    assert [tuple(each.shape) for each in core.levels(images)] == [(2, 12, 20, 4)] * 3
    assert core.blocks[0].spatial.kernel.shape == (3, 3, 12, 1)


def test_a_block_that_is_left_out_gives_what_it_was_given(rng, to_numpy):
    core = InvertedResidualCore(n_blocks=1, drop_path=0.5, **SMALL)
    images = rng.normal(size=(40, 16, 24, 1)).astype("float32")
    stem, features = map(to_numpy, core.levels(images, training=True))
    left_out = [np.array_equal(*each) for each in zip(stem, features, strict=True)]
    assert 5 < sum(left_out) < 35
    stem, features = map(to_numpy, core.levels(images))
    assert not any(np.array_equal(*each) for each in zip(stem, features, strict=True))


def test_images_that_are_kept_count_for_those_that_are_left_out(to_numpy):
    drop = Dropout(0.75, whole_images=True, seed=1, name="drop")
    dropped = drop(np.ones((400, 2, 3), "float32"), training=True)
    per_image = to_numpy(dropped).reshape(400, -1)
    assert set(np.unique(per_image)) == {0.0, 4.0}
    assert (per_image == per_image[:, :1]).all()
    assert abs(per_image.mean() - 1) < 0.3


def test_squeeze_and_excitation_follows_its_formula(rng, to_numpy):
    layer = SqueezeExcite(2, seed=1, name="gain")
    features = rng.normal(size=(3, 5, 6, 4)).astype("float32")
    weighed = to_numpy(layer(features))
    (w1, b1), (w2, b2) = layer.squeeze.get_weights(), layer.excite.get_weights()
    hidden = features.mean((1, 2)) @ w1 + b1
    gain = 1 / (1 + np.exp(-(np.where(hidden > 0, hidden, np.expm1(hidden)) @ w2 + b2)))
    np.testing.assert_allclose(weighed, features * gain[:, None, None], rtol=1e-4, atol=1e-6)
    assert w1.shape == (4, 2)
