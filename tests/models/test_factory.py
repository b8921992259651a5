"""Models by name: presets, parts and their options, custom functions."""

import dataclasses

import keras
import numpy as np
import pytest
from small_models import MeanReadout, inputs, small_model

from sensorium_tf import errors
from sensorium_tf.models import ModelSettings, build_model, check_parts
from sensorium_tf.models.settings import PRESETS, SHORTHANDS
from sensorium_tf.registry import CORES, READOUTS, SHIFTERS


@pytest.fixture
def coordinates(rng):
    return {"mouse3": rng.normal(size=(5, 3)), "mouse1": rng.normal(size=(3, 2))}


@pytest.mark.parametrize(
    ("name", "activation", "n_blocks"), [("cnn", "elu", 3), ("ln", "linear", 2)]
)
@pytest.mark.parametrize(
    ("track", "channels", "has_shifters"), [("sensorium", 1, False), ("sensorium_plus", 4, True)]
)
def test_a_baseline_has_the_published_architecture(
    coordinates, name, activation, n_blocks, track, channels, has_shifters
):
    model = build_model(ModelSettings(model=name), coordinates, inputs(track))
    assert model.mice == ("mouse3", "mouse1")
    assert model.image_shape == (36, 64, channels)
    core = model.core.config
    assert (core.activation, core.n_blocks, core.hidden_channels) == (activation, n_blocks, 64)
    assert (core.input_kernel, core.hidden_kernel, core.laplace_penalty) == (9, 7, 6.3831)
    assert [readout.n_neurons for readout in model.readouts.values()] == [5, 3]
    for readout in (each.config for each in model.readouts.values()):
        assert (readout.covariance, readout.positions) == ("full", "predicted")
        assert (readout.sigma_init, readout.feature_penalty) == (0.1, 0.0076)
        assert readout.hidden_units == 30
    assert list(model.shifters) == (["mouse3", "mouse1"] if has_shifters else [])
    for shifter in (each.config for each in model.shifters.values()):
        assert (shifter.hidden_units, shifter.n_layers) == (5, 3)


def test_the_published_cnn_has_as_many_weights_as_the_published_file():
    model = build_model(ModelSettings(), {"mouse1": np.zeros((10, 3))}, inputs())
    core = 81 * 64 + 2 * 64 + 3 * (2 * 64 * 64 + 49 * 64 + 2 * 64)
    readout = 10 * (4 + 64 + 1) + 2 * 30 + 30 + 30 * 2 + 2
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == core + readout


SETTINGS = {
    "hidden_channels": 4,
    "input_kernel": 5,
    "hidden_kernel": 3,
    "n_blocks": 1,
    "laplace_penalty": 0.5,
    "covariance": "isotropic",
    "positions": "free",
    "position_hidden_units": 6,
    "sigma_init": 0.2,
    "feature_penalty": 0.1,
    "shifter_hidden_units": 7,
    "shifter_layers": 2,
}


def test_every_shorthand_reaches_its_part(coordinates):
    assert SETTINGS.keys() == SHORTHANDS.keys()
    model = build_model(ModelSettings(**SETTINGS), coordinates, inputs("sensorium_plus"))
    parts = {
        "core": model.core,
        "readout": model.readouts["mouse1"],
        "shifter": model.shifters["mouse1"],
    }
    for name, (kind, _, option) in SHORTHANDS.items():
        value = getattr(parts[kind].config, option)
        assert value == SETTINGS[name]
        assert value != getattr(type(parts[kind].config), option), "no value is the default"


def test_a_shorthand_is_checked_as_the_option_that_it_stands_for():
    registries = {"core": CORES, "readout": READOUTS, "shifter": SHIFTERS}
    ours = {field.name: field for field in dataclasses.fields(ModelSettings)}
    for name, (kind, of, option) in SHORTHANDS.items():
        fields = dataclasses.fields(registries[kind][of].Config)
        theirs = next(field for field in fields if field.name == option)
        assert ours[name].type == theirs.type | None
        for key in ("bounds", "choices"):
            assert ours[name].metadata[key] == theirs.metadata[key], name


def test_parts_are_chosen_by_name_with_their_options(coordinates):
    settings = ModelSettings(
        core="sensorium(hidden_channels=3, n_blocks=0)",
        readout="gaussian(covariance=isotropic)",
        shifter="mlp(n_layers=1)",
        sigma_init=0.3,
    )
    model = build_model(settings, coordinates, inputs("sensorium_plus"))
    core, readout = model.core.config, model.readouts["mouse1"].config
    assert (core.hidden_channels, core.n_blocks, core.activation) == (3, 0, "elu")
    assert (readout.covariance, readout.sigma_init) == ("isotropic", 0.3)
    assert model.shifters["mouse3"].config.n_layers == 1


def test_options_of_a_preset_s_own_part_leave_the_preset_what_it_is():
    assert ModelSettings(model="ln", core="sensorium(hidden_channels=3)").architecture().core == (
        PRESETS["ln"].core.with_options({"hidden_channels": 3})
    )


def test_a_shifter_is_left_out_on_demand_and_then_no_pupil_center_is_given(coordinates):
    model = small_model(coordinates, track="sensorium_plus", shifter="none")
    assert not model.shifters and model.inputs.describe() == "image, behavior"
    assert small_model(coordinates, track="sensorium_plus").inputs.extra_shapes() == {
        "pupil_center": (2,)
    }


def test_a_modulator_is_given_behavior_beside_the_image(coordinates, rng, to_numpy):
    model = small_model(coordinates, track="sensorium_plus", modulator="gain", seed=3)
    plain = small_model(coordinates, track="sensorium_plus", seed=3)
    assert list(model.modulators) == ["mouse3", "mouse1"]
    assert model.inputs.extra_shapes() == {"pupil_center": (2,), "behavior": (3,)}
    assert model.inputs.describe() == "image, behavior, pupil center"
    signals = {
        "image": rng.normal(size=(2, 36, 64, 4)).astype("float32"),
        "pupil_center": rng.normal(size=(2, 2)).astype("float32"),
        "behavior": rng.normal(size=(2, 3)).astype("float32"),
    }
    rates = to_numpy(model({"mouse1": signals})["mouse1"])
    np.testing.assert_array_equal(rates, to_numpy(plain({"mouse1": signals})["mouse1"]))
    gain = model.modulators["mouse1"].gain
    gain.kernel.assign(rng.normal(size=gain.kernel.shape))
    assert not np.allclose(to_numpy(model({"mouse1": signals})["mouse1"]), rates)
    np.testing.assert_allclose(
        model.for_mouse("mouse1").predict(signals, verbose=0),
        to_numpy(model({"mouse1": signals})["mouse1"]),
        rtol=1e-5,
    )


def test_the_same_seed_makes_the_same_model_and_another_seed_another(coordinates):
    first, again, other = (
        small_model(coordinates, model="ln", track="sensorium_plus", seed=seed)
        for seed in (1, 1, 2)
    )
    for ours, theirs in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(first.core.stem.get_weights()[0], other.core.stem.get_weights()[0])


def test_no_two_parts_start_with_the_same_numbers(coordinates):
    coordinates["mouse1"] = coordinates["mouse3"]
    model = small_model(coordinates, track="sensorium_plus", seed=1)
    a, b = model.mice
    for part in (model.readouts, model.shifters):
        drawn = [w for layer in (part[a], part[b]) for w in layer.get_weights() if w.std() > 0]
        drawn = [w for w in drawn if not np.array_equal(w, model.readouts[a].coordinates)]
        for i, weight in enumerate(drawn):
            for other in drawn[:i]:
                assert weight.shape != other.shape or not np.array_equal(weight, other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "vit"}, "model 'vit': expected cnn or ln .a custom model is written pack"),
        ({"core": "vits"}, "vits: no such core"),
        (
            {"core": "sensorium(depth=3)"},
            "depth: no such option of core sensorium: expected one of",
        ),
        ({"core": "sensorium(3)"}, "expected a name, or a name with options"),
        ({"core": "vit(depth=4)", "n_blocks": 3}, "n_blocks: goes with the core sensorium, but th"),
        (
            {"core": "sensorium(n_blocks=1)", "n_blocks": 3},
            "n_blocks: is given by core 'sensorium.n_blocks=1.', too: leave one out",
        ),
        (
            {"shifter": "none", "shifter_layers": 2},
            "shifter_layers: goes with the shifter mlp, but there is none",
        ),
        ({"hidden_channels": 0}, "hidden_channels 0: expected at least 1"),
        ({"covariance": "round"}, "covariance 'round': expected one of full, uncorrelated,"),
        ({"model": "a:b", "n_blocks": 3}, "n_blocks: goes with cnn and ln, not with a:b"),
        ({"shifter": "mlp"}, "shifter: goes with a shifter, .* track sensorium are given only im"),
        ({"shifter_layers": 2}, "shifter_layers: goes with a shifter, which takes the pupil cent"),
        ({"modulator": "gain"}, "modulator gain: takes behavior, but models of track sensorium"),
        ({"input_kernel": 50}, "input_kernel 50: images of 36 x 64 pixels are smaller"),
    ],
)
def test_settings_that_make_no_model_are_refused_in_one_line(coordinates, settings, said):
    with pytest.raises(errors.SensoriumError, match=said) as caught:
        build_model(ModelSettings(**settings), coordinates, inputs())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [
        ({}, "at least one mouse"),
        ({"mouse1": np.full((3, 2), np.inf)}, "readout_mouse1: .* finite"),
    ],
)
def test_mice_without_usable_coordinates_are_refused(coordinates, said):
    with pytest.raises(errors.SensoriumError, match=said):
        small_model(coordinates)


def test_a_track_that_there_is_not_is_refused(coordinates):
    with pytest.raises(errors.SensoriumError, match=r"'sensorium\+': did you mean sensorium"):
        small_model(coordinates, track="sensorium+")


def test_a_readout_that_takes_no_shift_is_not_given_a_shifter(coordinates):
    READOUTS.register("mean")(MeanReadout)
    with pytest.raises(errors.SensoriumError, match="takes no shift: leave .* .--shifter=none."):
        small_model(coordinates, track="sensorium_plus", readout="mean")
    assert not small_model(
        coordinates, track="sensorium_plus", readout="mean", shifter="none"
    ).shifters


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"core": "sensoriun"}, "sensoriun: no such core: did you mean sensorium"),
        ({"core": "sensorium(name=foo)"}, "name: no such option of core sensorium"),
        ({"core": "sensorium(hidden_channels=few)"}, "core sensorium: hidden_channels 'few': exp"),
        ({"modulator": "gain(depth=2)"}, "depth: no such option of modulator gain"),
    ],
)
def test_parts_are_checked_before_any_mouse_is_opened(settings, says):
    with pytest.raises(errors.SensoriumError, match=says):
        check_parts(ModelSettings(**settings))


def test_a_part_that_is_none_is_refused_when_it_is_registered():
    with pytest.raises(
        errors.SensoriumError, match="core mine: expected a CoreBase. Received: Den"
    ):
        CORES.register("mine")(keras.layers.Dense)
    assert "mine" not in CORES


def test_a_part_that_cannot_be_read_is_named_with_its_flag():
    with pytest.raises(errors.SensoriumError, match="^core: 'None': expected a name"):
        ModelSettings(core="None")
