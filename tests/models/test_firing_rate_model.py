"""The whole model: rates, losses, errors, files."""

import contextlib
import functools
import re
import warnings

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import errors
from sensorium_tf.models import (
    FiringRateModel,
    PoissonLoss,
    firing_rate,
    laplace_norm,
)

SMALL = {"laplace_penalty": 2.0, "feature_penalty": 0.5}
NEURONS = {"mouse3": 7, "mouse1": 5}
TRIALS = 12


@pytest.fixture
def model(rng):
    coordinates = {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}
    model = small_model(coordinates, track="sensorium_plus", seed=5, **SMALL)
    for readout in model.readouts.values():
        readout.features.assign(rng.normal(size=readout.features.shape))
    return model


@pytest.fixture
def inputs(rng):
    return {
        mouse: {
            "image": rng.normal(size=(TRIALS, 36, 64, 4)).astype("float32"),
            "pupil_center": rng.normal(size=(TRIALS, 2)).astype("float32"),
        }
        for mouse in NEURONS
    }


@pytest.fixture
def responses(rng):
    return {
        mouse: rng.gamma(1.0, size=(TRIALS, n)).astype("float32") for mouse, n in NEURONS.items()
    }


def compiled(model):
    losses = {mouse: PoissonLoss(100) for mouse in model.mice}
    model.compile(keras.optimizers.Adam(0.009, epsilon=1e-8), losses)
    return model


def poisson(responses, rates):
    scale = np.sqrt(100 / len(rates))
    return scale * (rates - responses * np.log(rates + 1e-12)).sum()


def test_rates_are_elu_of_the_drive_plus_one(to_numpy):
    drive = np.array([-40.0, -1.0, 0.0, 2.5], "float32")
    np.testing.assert_allclose(to_numpy(firing_rate(drive)), [0, np.exp(-1), 1, 3.5], atol=1e-7)


def test_a_call_composes_core_shifter_and_readout(model, inputs, to_numpy):
    rates = model(inputs)
    assert list(rates) == list(NEURONS)
    for mouse, signals in inputs.items():
        shift = model.shifters[mouse](signals["pupil_center"])
        drive = model.readouts[mouse](model.core(signals["image"]), shift=shift)
        assert rates[mouse].shape == (TRIALS, NEURONS[mouse])
        np.testing.assert_array_equal(to_numpy(rates[mouse]), to_numpy(firing_rate(drive)))


def test_any_subset_of_the_mice_can_be_called(model, inputs, to_numpy):
    alone = model({"mouse1": inputs["mouse1"]})
    assert list(alone) == ["mouse1"]
    np.testing.assert_array_equal(to_numpy(alone["mouse1"]), to_numpy(model(inputs)["mouse1"]))


def test_each_mouse_passes_the_core_by_itself(model, inputs, to_numpy):
    """Batch statistics are a mouse's own: what one mouse saw does not change another's features."""
    features = to_numpy(model.core(inputs["mouse1"]["image"], training=True))
    seen = []
    original = model.core.call
    model.core.call = lambda image, training=None: (
        seen.append(original(image, training=training)) or seen[-1]
    )
    model(inputs, training=True)
    assert len(seen) == 2
    np.testing.assert_array_equal(to_numpy(seen[1]), features)


def test_the_loss_is_the_mice_s_losses_with_one_stem_penalty_each(
    model, inputs, responses, to_numpy
):
    rates = {mouse: to_numpy(rate) for mouse, rate in model(inputs).items()}
    parts = [poisson(responses[mouse], rates[mouse]) for mouse in model.mice]
    laplace = 2.0 * to_numpy(laplace_norm(model.core.stem.kernel))
    features = 0.5 * sum(np.abs(to_numpy(r.features)).sum() for r in model.readouts.values())
    penalties = {name: to_numpy(value) for name, value in model.penalties().items()}
    assert penalties == {"laplace": pytest.approx(2 * laplace), "features": pytest.approx(features)}
    measured = compiled(model).evaluate(
        inputs, responses, batch_size=TRIALS, verbose=0, return_dict=True
    )
    assert measured["loss"] == pytest.approx(sum(parts) + 2 * laplace + features, rel=1e-5)
    one_mouse = model.for_mouse("mouse1")
    one_mouse.compile(loss=PoissonLoss(100))
    measured = one_mouse.evaluate(
        inputs["mouse1"], responses["mouse1"], batch_size=TRIALS, verbose=0
    )
    own = 0.5 * np.abs(to_numpy(model.readouts["mouse1"].features)).sum()
    assert measured == pytest.approx(parts[1] + laplace + own, rel=1e-5)


def test_fit_lowers_the_loss(model, inputs, responses):
    # Rates of 0.1 everywhere can be learnt by the biases alone, without luck.
    responses = {mouse: np.full_like(response, 0.1) for mouse, response in responses.items()}
    keras.utils.set_random_seed(1)  # The order of the trials.
    history = compiled(model).fit(inputs, responses, batch_size=4, epochs=8, verbose=0).history
    for name in ("loss", "mouse1_loss", "mouse3_loss"):
        assert history[name][-1] < 0.9 * history[name][0]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA is slow there alone")
def test_keras_does_not_choose_xla_by_itself(model):
    one_mouse = model.for_mouse("mouse1")
    one_mouse.compile(loss=PoissonLoss(100))
    assert not compiled(model).jit_compile
    assert not one_mouse.jit_compile


LOADER = """
import sys, keras, numpy as np
import sensorium_tf.models
folder = sys.argv[1]
with np.load(folder + "/inputs.npz") as stored:
    inputs = {}
    for name, array in stored.items():
        mouse, signal = name.split("/")
        inputs.setdefault(mouse, {})[signal] = array
model = keras.models.load_model(folder + "/model.keras")
one_mouse = keras.models.load_model(folder + "/mouse1.keras")
rates = model.predict(inputs, batch_size=5, verbose=0)
alone = one_mouse.predict(inputs["mouse1"], batch_size=5, verbose=0)
np.savez(folder + "/rates.npz", **rates, alone=alone)
assert model.mice == ("mouse3", "mouse1"), model.mice
assert model.optimizer.iterations == 2
assert model.loss["mouse1"].n_train_trials == 100
"""


def test_saved_models_predict_the_same_bits_in_a_new_process(
    model, inputs, responses, tmp_path, warm_python
):
    compiled(model).fit(inputs, responses, batch_size=6, epochs=1, verbose=0)
    expected = model.predict(inputs, batch_size=5, verbose=0)
    model.save(tmp_path / "model.keras")
    model.for_mouse("mouse1").save(tmp_path / "mouse1.keras")
    arrays = {f"{m}/{name}": array for m in inputs for name, array in inputs[m].items()}
    np.savez(tmp_path / "inputs.npz", **arrays)
    done = warm_python.run("-c", LOADER, tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "rates.npz") as loaded:
        assert set(loaded) == {"mouse3", "mouse1", "alone"}
        for mouse in expected:
            np.testing.assert_array_equal(loaded[mouse], expected[mouse])
        np.testing.assert_array_equal(loaded["alone"], expected["mouse1"])


def test_the_model_of_one_mouse_takes_its_signals_and_gives_its_rates(model, inputs):
    alone = model.for_mouse("mouse1")
    shapes = {signal.name: signal.shape for signal in alone.inputs}
    assert shapes == {"image": (None, 36, 64, 4), "pupil_center": (None, 2)}
    assert alone.output_shape == (None, 5)
    np.testing.assert_array_equal(
        alone.predict(inputs["mouse1"], verbose=0), model.predict(inputs, verbose=0)["mouse1"]
    )


def test_training_the_model_of_one_mouse_trains_the_whole_model(model, inputs, responses):
    alone = model.for_mouse("mouse1")
    alone.compile(keras.optimizers.Adam(0.01), PoissonLoss(100))
    before = model.core.stem.get_weights()[0]
    alone.fit(inputs["mouse1"], responses["mouse1"], epochs=1, verbose=0)
    assert not np.array_equal(model.core.stem.get_weights()[0], before)


def test_half_precision_predicts_nearly_the_same(model, inputs, rng, to_numpy):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        coordinates = {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}
        half = small_model(coordinates, track="sensorium_plus", **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    # The processor has few instructions for bfloat16.
    inputs = keras.tree.map_structure(lambda each: each[:3], inputs)
    rates, full = half(inputs)["mouse1"], model(inputs)["mouse1"]
    assert to_numpy(rates).dtype == "float32"
    assert np.corrcoef(to_numpy(rates).ravel(), to_numpy(full).ravel())[0, 1] > 0.98
    compiled(half).fit(
        inputs, {m: np.ones((3, n), "float32") for m, n in NEURONS.items()}, verbose=0
    )


def test_wrong_inputs_are_refused_by_mouse_and_in_one_line(model, inputs):
    image, pupil_center = inputs["mouse1"]["image"], inputs["mouse1"]["pupil_center"]
    for wrong, said in [
        ({"mouse9": inputs["mouse1"]}, "mouse9: the model has no such mouse, only mouse3, mouse1"),
        (
            {"mouse1": {"image": image}},
            "mouse1: the model needs 'pupil_center', but its inputs are only 'image'",
        ),
        (
            {"mouse1": {"pupil_center": pupil_center}},
            "mouse1: the model needs 'image', but its inputs are only 'pupil_center'",
        ),
        (
            {"mouse1": {"image": image[..., :1], "pupil_center": pupil_center}},
            "mouse1: the model expects images of shape (batch, 36, 64, 4), 4 channel(s). "
            "Received: (12, 36, 64, 1)",
        ),
    ]:
        with pytest.raises(errors.SensoriumError) as caught:
            model(wrong)
        assert str(caught.value) == said
    with pytest.raises(errors.SensoriumError, match="mouse9: the model has no such mouse"):
        model.for_mouse("mouse9")


def test_a_model_with_half_its_shifters_is_refused(model):
    with pytest.raises(errors.SensoriumError, match="for every mouse or for none"):
        FiringRateModel(
            model.core,
            model.readouts,
            {"mouse1": model.shifters["mouse1"]},
            inputs=model.inputs,
        )


@pytest.mark.parametrize(
    ("called", "received"),
    [
        (np.zeros((2, 36, 64, 4), "float32"), r"ndarray of shape \(2, 36, 64, 4\)"),
        ({"mouse1": np.zeros((2, 36, 64, 4))}, r"{'mouse1': ndarray of shape"),
        ([1], "list"),
    ],
)
def test_a_model_called_in_another_form_says_the_one_that_it_takes(model, called, received):
    with pytest.raises(errors.SensoriumError) as refused:
        model(called)
    text = str(refused.value)
    assert '{"mouse3": {"image": ..., "pupil_center": ...}}' in text
    assert re.search(f"images of shape .batch, 36, 64, 4.*Received: {received}", text)


def test_grey_values_are_warned_of_and_standardised_ones_are_not(model, inputs):
    single = model.for_mouse("mouse1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(inputs)
        single(inputs["mouse1"])
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs))
    raw = {**inputs["mouse1"], "image": inputs["mouse1"]["image"] * 60 + 113}
    for call in (
        lambda: model({"mouse1": raw}),
        lambda: single(raw),
        lambda: single(keras.tree.map_structure(keras.ops.convert_to_tensor, raw)),
    ):
        with pytest.warns(UserWarning, match="mouse1.*image values reach .*standardised images"):
            call()


def test_arrays_for_fit_and_predict_are_looked_at_too(model, inputs):
    one = {"mouse1": inputs["mouse1"]}
    raw = {"mouse1": {**inputs["mouse1"], "image": inputs["mouse1"]["image"] * 60 + 113}}
    rates = keras.ops.convert_to_numpy(model(one)["mouse1"])
    single = model.for_mouse("mouse1")
    for each in (model, single):
        each.compile(loss="poisson")
    quiet = {"verbose": 0}

    @contextlib.contextmanager
    def silence():
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*standardised images")
            yield

    says = functools.partial(pytest.warns, UserWarning, match="mouse1: .*standardised images")
    for given, expect in ((one, silence), (raw, says)):
        calls = [
            lambda given=given: model.predict(given, **quiet),
            lambda given=given: model.evaluate(given, {"mouse1": rates}, **quiet),
            lambda given=given: model.fit(given, {"mouse1": rates}, **quiet),
            lambda given=given: model.predict_on_batch(given),
        ]
        for call in calls:
            with expect():
                call()
    with says():
        single.predict(raw["mouse1"], **quiet)
    with pytest.raises(errors.SensoriumError, match="model expects the signals of each mouse by"):
        model.predict(inputs["mouse1"]["image"])


def test_behavior_of_any_size_is_no_grey_value(model, inputs):
    inputs["mouse1"]["image"][..., 1:] = 200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(inputs)
