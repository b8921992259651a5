"""Models that are given images of another size than the challenge's, from training on."""

import numpy as np
import pytest
from untrained import untraced_steps

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.data import batches

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = {"epochs": 1, "batch_size": 8, "verbose": False}


@pytest.fixture(scope="module")
def full(prepared, tmp_path_factory):
    """A run on images of full size and their centred copies."""
    return sensorium_tf.train(
        "cnn",
        "full",
        workdir=tmp_path_factory.mktemp("sizes") / "full",
        data_dir=prepared,
        core="learned_stem(patch_channels=2, channels=[2])",
        image_size="144x256",
        channels=["image", "centred_image"],
        **SMALL,
    )


def test_a_model_is_trained_on_the_recorded_images(full, prepared):
    assert full.model.image_shape == (144, 256, 2)
    recorded = sensorium_tf.load("full", data_dir=prepared, image_size="144x256").trials("test")
    trials = full.mouse().trials("test")
    np.testing.assert_array_equal(trials.images, recorded.images)
    assert trials.images.shape[1:] == (144, 256, 1)


def test_half_of_the_size_is_the_mean_of_neighbours(prepared):
    whole, half = (
        sensorium_tf.load("full", data_dir=prepared, image_size=size).trials("test").images
        for size in ((144, 256), "72x128")
    )
    expected = whole.reshape(len(whole), 72, 2, 128, 2, 1).mean((2, 4))
    np.testing.assert_allclose(half, expected, atol=1e-5)


def test_models_of_different_sizes_are_scored_submitted_and_compared(full, prepared, tmp_path):
    with untraced_steps():
        other = sensorium_tf.train(
            "cnn",
            "full",
            workdir=tmp_path / "small",
            data_dir=prepared,
            hidden_channels=2,
            n_blocks=0,
            **SMALL,
        )
    alone = sensorium_tf.evaluate(full).mice["full"].scores.summary
    both = sensorium_tf.compare(full, other, output=tmp_path).mice["full"]
    assert both.scores["full"].summary == alone
    assert len(sensorium_tf.submit(full)) == 1


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ("0x0", "full: image size 0x0: images of 144x256 pixels are made smaller by a whole"),
        ("100x200", "full: image size 100x200: images of 144x256 pixels are made smaller by a who"),
        ("288x512", "choose 144x256, 72x128, 48x85, 36x64 or a smaller one"),
        ("big", "image size 'big': expected height x width, such as 36x64"),
    ],
)
def test_other_sizes_are_refused_with_those_that_there_are(prepared, size, says):
    with pytest.raises(SensoriumError, match=says):
        sensorium_tf.load("full", data_dir=prepared, image_size=size)


def test_trials_of_another_size_say_how_to_get_those_of_the_model(full, prepared):
    trials = sensorium_tf.load("full", data_dir=prepared).trials("test")
    with pytest.raises(SensoriumError, match=r"take the trials of mouse.with_image_size\(\(144, 2"):
        trials.inputs(full.model.inputs)


def test_batches_are_of_the_size_that_is_asked_for(prepared):
    data = batches("full", track="sensorium", image_size="72x128", data_dir=prepared)
    assert data.element_spec[0]["full"]["image"].shape[1:] == (72, 128, 1)
