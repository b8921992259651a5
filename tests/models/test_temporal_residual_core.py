"""A core of images for every frame, and a trained one as its start."""

import dataclasses

import numpy as np
import pytest
from movie_models import movie_inputs, movie_model
from small_models import inputs as image_inputs

from sensorium_tf import SensoriumError
from sensorium_tf.models import ModelSettings, TemporalResidualCore, build_model, copy_weights

IMAGES = {
    "sensorium": "sensorium(hidden_channels=3, n_blocks=1, input_kernel=3, hidden_kernel=3)",
    "residual": "residual(channels=3, n_blocks=1, input_kernel=3)",
    "vit": "vit(channels=4, heads=2, depth=1, hidden=6, patch=4, stride=4)",
}
PLACES = {"a": [[0.0, 0.0, 0.0], [1.0, 2.0, 0.0], [3.0, 1.0, 0.0]]}


def model_of_images(core, rng):
    """A model of which every weight has been drawn anew, running statistics among them."""
    inputs = dataclasses.replace(image_inputs(), image_size=(12, 16), recorded_size=(12, 16))
    model = build_model(ModelSettings(core=core), PLACES, inputs, seed=1)
    for part in model.parts:
        for weight in part.weights:
            if weight.dtype == "float32" and "coordinates" not in weight.path:
                weight.assign(weight + rng.uniform(0.0, 0.3, size=weight.shape))
    return model


def model_of_movies(core, **settings):
    inputs = movie_inputs()
    inputs = dataclasses.replace(inputs, channels=inputs.channels[:1])
    text = f"temporal_residual(core={core!r}, n_blocks=2, kernel=3)"
    return movie_model(PLACES, core=text, inputs=inputs, seed=2, shifter="none", **settings)


@pytest.mark.parametrize("name", IMAGES)
def test_a_trained_core_of_images_gives_of_every_frame_what_it_gave_of_images(name, rng, to_numpy):
    """Of a still movie, and of any other: exactly but for rounding."""
    source, target = model_of_images(IMAGES[name], rng), model_of_movies(IMAGES[name])
    copy_weights(source, target)
    # The readouts' own options differ between the presets; their weights have the same shapes.
    target.readouts["a"].set_weights(source.readouts["a"].get_weights())
    images = rng.normal(size=(5, 12, 16, 1)).astype("float32")
    expected = to_numpy(source({"a": {"image": images}})["a"])
    still = np.broadcast_to(images[:, None], (5, 4, 12, 16, 1))
    for movies, rates in ((still, expected[:, None].repeat(4, 1)), (images[None], expected[None])):
        found = to_numpy(target({"a": {"video": movies}})["a"])
        np.testing.assert_allclose(found, rates, rtol=1e-4, atol=1e-5)


def test_the_way_back_is_the_core_of_images_alone(rng, to_numpy):
    source, target = model_of_movies(IMAGES["sensorium"]), model_of_images(IMAGES["sensorium"], rng)
    copy_weights(source, target)
    images = rng.normal(size=(2, 12, 16, 1)).astype("float32")
    np.testing.assert_array_equal(
        to_numpy(target.core(images)), to_numpy(source.core.frames(images))
    )


def test_cores_that_do_not_fit_are_refused_and_nothing_is_copied(rng):
    source = model_of_images(IMAGES["sensorium"], rng)
    factorised = "factorised_3d(channels=[3], spatial_kernels=[3], temporal_kernels=[2])"
    behavior = f"temporal_residual(core={IMAGES['sensorium']!r})"
    for target, said in (
        (model_of_movies(IMAGES["residual"]), "kind SensoriumCore there, ResidualCore here"),
        (movie_model(PLACES, core=behavior), "channels image there, image, behavior here"),
        (movie_model(PLACES, core=factorised), "SensoriumCore there, Factorised3dCore here"),
    ):
        before = target.get_weights()
        with pytest.raises(SensoriumError, match=f"has another core .*{said}"):
            copy_weights(source, target)
        for ours, theirs in zip(target.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_block_is_that_of_the_formula_and_sees_the_past_alone(rng, to_numpy):
    core = TemporalResidualCore(core=IMAGES["sensorium"], n_blocks=1, kernel=2, seed=1)
    movie = rng.normal(size=(1, 5, 12, 16, 1)).astype("float32")
    (block,) = core.blocks
    first, last = core.levels(movie)[-2:]
    np.testing.assert_array_equal(to_numpy(last), to_numpy(first))
    kernel = rng.normal(size=block.out.kernel.shape).astype("float32")
    block.out.kernel.assign(kernel)
    features, found = map(to_numpy, core.levels(movie)[-2:])

    def over_time(clips, kernel):
        before = np.concatenate([np.zeros_like(clips[:, :1]), clips[:, :-1]], axis=1)
        return before @ kernel[0, 0] + clips @ kernel[1, 0]

    inner = over_time(features, to_numpy(block.into.kernel)) / np.sqrt(1 + 1e-5)
    inner = np.where(inner > 0, inner, np.expm1(inner))
    expected = features + over_time(inner, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    changed = movie.copy()
    changed[:, 1] += 1
    differs = (to_numpy(core(changed)) != found).any((0, 2, 3, 4))
    np.testing.assert_array_equal(differs, [False, True, True, True, False])
