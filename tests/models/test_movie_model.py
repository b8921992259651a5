"""Models of movies: rates of each frame, of all parts, in every use of a model."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
from movie_models import movie_inputs, movie_model
from small_models import inputs as image_inputs

from sensorium_tf import SensoriumError
from sensorium_tf.models import EnsembleModel, ModelSettings, PoissonLoss, build_model, check_parts
from sensorium_tf.testing import check_model
from sensorium_tf.testing.models import example_batch

NEURONS = {"a": 5, "b": 3}
FRAMES = 7
PARTS = {
    "published": {},
    "no shifter": {"shifter": "none"},
    "gain": {"modulator": "gain"},
    "softplus": {"nonlinearity": "softplus"},
    "factorised": {"readout": "factorised"},
    "attention": {"readout": "attention"},
    "levels": {"readout": "multi_level_gaussian"},
}


IMAGES = "sensorium(hidden_channels=3, n_blocks=1, input_kernel=3, hidden_kernel=3)"
CORES = {
    "gru": f"gru(core={IMAGES!r}, channels=4, kernel=3)",
    "temporal_residual": f"temporal_residual(core={IMAGES!r}, n_blocks=1)",
    "inverted_residual_3d": "inverted_residual_3d(channels=[4], strides=[2], cortex=[8])",
}


@pytest.fixture
def coordinates(rng):
    return {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}


@pytest.fixture
def clips(rng):
    return {mouse: clip(rng) for mouse in NEURONS}


def clip(rng, n_frames=FRAMES, n_trials=2):
    shapes = {"video": (12, 16, 3), "pupil_center": (2,), "behavior": (2,)}
    return {
        name: rng.normal(size=(n_trials, n_frames, *shape)).astype("float32")
        for name, shape in shapes.items()
    }


def model_of(coordinates, rng, parts):
    """A model whose every weight after the core is drawn anew."""
    model = movie_model(coordinates, inputs=movie_inputs("behavior"), seed=1, **parts)
    for part in model.parts[1:]:
        for weight in part.trainable_variables:
            weight.assign(weight + rng.normal(0, 0.3, size=weight.shape))
    return model


@pytest.mark.parametrize("name", PARTS)
def test_a_model_of_every_part_keeps_what_is_asked_of_models(name, coordinates, rng):
    check_model(model_of(coordinates, rng, PARTS[name]))


@pytest.mark.parametrize("name", CORES)
def test_a_model_of_every_core_does_so_too(name, coordinates):
    model = movie_model(coordinates, core=CORES[name], readout="multi_level_gaussian", seed=1)
    assert model.lost_frames == 0
    check_model(model)


@pytest.mark.parametrize("name", PARTS)
def test_each_frame_is_read_as_an_image_of_its_own_features(name, coordinates, clips, rng):
    """Rates are those that the parts make of the features and signals of the frame alone."""
    model = model_of(coordinates, rng, PARTS[name])
    assert model.lost_frames == 3
    rates = keras.ops.convert_to_numpy(model(clips)["a"])
    assert rates.shape == (2, FRAMES - 3, NEURONS["a"])
    levels = model.core.levels(clips["a"]["video"])
    for frame in range(FRAMES - 3):
        seen = [each[:, each.shape[1] - (FRAMES - 3) + frame] for each in levels]
        signals = {name: each[:, 3 + frame] for name, each in clips["a"].items()}
        readout = model.readouts["a"]
        shift = model.shifters["a"](signals["pupil_center"]) if model.shifters else None
        drive = readout(seen if readout.takes_levels else seen[-1], shift=shift)
        found = model.nonlinearities.get("a", lambda drive: keras.ops.elu(drive) + 1)(drive)
        if model.modulators:
            found = model.modulators["a"](found, {"behavior": signals["behavior"]})
        np.testing.assert_allclose(
            rates[:, frame], keras.ops.convert_to_numpy(found), rtol=1e-4, atol=1e-5
        )


def test_a_model_is_called_with_clips_of_any_length(coordinates, rng, to_numpy):
    model = model_of(coordinates, rng, {})
    long = clip(rng, 9)
    short = {name: values[:, -5:] for name, values in long.items()}
    ours, theirs = (to_numpy(model({"a": each})["a"]) for each in (long, short))
    assert ours.shape[1] == 6
    np.testing.assert_allclose(ours[:, -2:], theirs, rtol=1e-4, atol=1e-5)


def test_the_model_of_one_mouse_and_predict_give_the_same(coordinates, clips, rng, to_numpy):
    model = model_of(coordinates, rng, {})
    rates = to_numpy(model(clips)["b"])
    signals = {name: clips["b"][name] for name in ("video", "pupil_center")}
    alone = model.for_mouse("b")
    assert alone.output_shape == (None, None, NEURONS["b"])
    np.testing.assert_allclose(to_numpy(alone(signals)), rates, rtol=1e-5)
    np.testing.assert_allclose(model.predict(clips, verbose=0)["b"], rates, rtol=1e-4, atol=1e-5)


def test_fit_lowers_the_loss_with_the_mice_s_movies_joined_in_the_core(coordinates, clips):
    keras.utils.set_random_seed(1)
    model = movie_model(coordinates, seed=1, joint_core=True)
    model.compile(keras.optimizers.Adam(0.05), {mouse: PoissonLoss(10) for mouse in NEURONS})
    responses = {mouse: np.full((2, FRAMES, n), 0.1, "float32") for mouse, n in NEURONS.items()}
    losses = model.fit(clips, responses, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_mean_rates_are_where_training_starts(coordinates, rng, to_numpy):
    model = movie_model(coordinates, seed=1)
    model.readouts["b"].features.assign(np.zeros(model.readouts["b"].features.shape))
    means = [0.2, 1.0, 3.0]
    model.set_mean_rates("b", means)
    rates = to_numpy(model({"b": clip(rng)})["b"])
    np.testing.assert_allclose(rates, np.broadcast_to(means, rates.shape), rtol=1e-5)


def test_the_loss_of_movies_is_summed_over_the_frames_that_have_rates(rng, to_numpy):
    rates = rng.uniform(0.1, 3, size=(4, 5, 3)).astype("float32")
    responses = rng.gamma(1.0, size=(4, 8, 3)).astype("float32")
    last = responses[:, 3:]
    expected = np.sqrt(100 / 4) * (rates - last * np.log(rates + 1e-12)).sum()
    assert to_numpy(PoissonLoss(100)(responses, rates)) == pytest.approx(expected, rel=1e-5)
    flat = [each.reshape(-1, 3).T for each in (last, rates)]
    missed = sum(1 - np.corrcoef(a, b)[0, 1] for a, b in zip(*flat, strict=True))
    expected += 0.3 * missed * 4 * np.sqrt(100 / 4)
    got = to_numpy(PoissonLoss(100, correlation_weight=0.3)(responses, rates))
    assert got == pytest.approx(expected, rel=1e-4)


def test_an_ensemble_has_rates_where_all_members_do(coordinates, clips, tmp_path, to_numpy):
    short = "factorised_3d(channels=[3], spatial_kernels=[5], temporal_kernels=[2])"
    members = [movie_model(coordinates, seed=1), movie_model(coordinates, core=short, seed=2)]
    ensemble = EnsembleModel(members)
    assert ensemble.lost_frames == 3
    first, second = (to_numpy(each(clips)["a"]) for each in members)
    mean = (first + second[:, 2:]) / 2
    np.testing.assert_allclose(to_numpy(ensemble(clips)["a"]), mean, rtol=1e-5)
    ensemble.for_mouse("a").save(tmp_path / "a.keras")
    alone = keras.models.load_model(tmp_path / "a.keras")
    signals = {name: clips["a"][name] for name in ("video", "pupil_center")}
    np.testing.assert_allclose(to_numpy(alone(signals)), mean, rtol=1e-5)
    with pytest.raises(SensoriumError, match="first 3 frames .* only 3"):
        ensemble({"a": clip(np.random.default_rng(0), 3)})


def test_members_that_are_given_other_statistics_are_told_apart(coordinates):
    other = dataclasses.replace(movie_inputs(), statistics="time_resolved")
    members = [movie_model(coordinates, inputs=inputs) for inputs in (movie_inputs(), other)]
    with pytest.raises(SensoriumError, match="center'.* and .*center by time_resolved statistics'"):
        EnsembleModel(members)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"video": lambda x: x[:, :, :, :-1]}, r"movies of shape .batch, frames, 12, 16, 3.*15, 3"),
        ({"video": lambda x: x[:, 0]}, r"movies of shape .*Received: .2, 12, 16, 3"),
        ({"pupil_center": lambda x: x[:, 1:]}, r"number of frames .video 7, pupil_center 6"),
        (dict.fromkeys(("video", "pupil_center"), lambda x: x[:, :3]), "first 3 frames .* only 3"),
    ],
)
def test_clips_that_do_not_fit_are_one_line(change, said, coordinates, clips):
    signals = {name: change.get(name, lambda x: x)(each) for name, each in clips["a"].items()}
    with pytest.raises(SensoriumError, match=f"^a: .*{said}"):
        movie_model(coordinates)({"a": signals})


def test_grey_values_are_warned_of(coordinates, clips):
    model = movie_model(coordinates)
    single = model.for_mouse("a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(clips)
    raw = {name: clips["a"][name] for name in ("video", "pupil_center")}
    raw["video"] = raw["video"] * 60 + 113
    for call in (lambda: model({"a": raw}), lambda: single(raw)):
        with pytest.warns(UserWarning, match="a.*video values reach .*standardised videos"):
            call()


def test_cores_of_images_and_of_movies_do_not_replace_each_other(coordinates):
    with pytest.raises(SensoriumError, match="SensoriumCore takes images, .* given movies"):
        movie_model(coordinates, core="sensorium")
    with pytest.raises(SensoriumError, match="Factorised3dCore takes movies, .* given images"):
        build_model(ModelSettings(core="factorised_3d"), coordinates, image_inputs())


def test_past_responses_are_refused(coordinates):
    with pytest.raises(SensoriumError, match="modulator history: takes past_responses, but"):
        movie_model(coordinates, modulator="history")


def test_the_presets_are_those_of_the_challenge(coordinates):
    inputs = movie_inputs(size=(36, 64))
    cnn = build_model(ModelSettings(), coordinates, inputs)
    # The published number: of the video and two channels of behavior.
    assert sum(weight.shape.num_elements() for weight in cnn.core.trainable_variables) == 382_176
    assert cnn.lost_frames == 18
    assert cnn.readouts["a"].config.feature_penalty == 0
    assert set(cnn.shifters) == {*NEURONS}
    ln = build_model(ModelSettings(model="ln"), coordinates, inputs)
    assert ln.core.config.activation == "linear"
    with pytest.raises(SensoriumError, match="n_blocks: goes with the core sensorium"):
        check_parts(ModelSettings(n_blocks=1), movies=True)
    check_parts(ModelSettings(n_blocks=1))


def test_examples_are_longer_than_what_is_lost(coordinates):
    batch = example_batch(movie_model(coordinates), 2)
    assert batch["a"]["video"].shape == (2, 6, 12, 16, 3)
    assert batch["b"]["pupil_center"].shape == (2, 6, 2)
