"""Checkpoints of a network built of torch.nn become models of ours, and back."""

import pickle
import zipfile

import keras
import numpy as np
import pytest
from small_models import OneLayerCore, small_model

from sensorium_tf import SensoriumError
from sensorium_tf.interop.pytorch import load_published, save_published
from sensorium_tf.models import FiringRateModel

torch = pytest.importorskip("torch", reason="torch reads and writes the published checkpoints")
from published_kit import Kit  # noqa: E402

KEY, OTHER = "26872-17-20", "1-2-3"
NETWORKS = {
    "cnn": {},
    "ln": {"n_layers": 3, "linear": True},
    "cnn with behavior": {"channels_in": 4, "shifter": True},
    "ln with behavior": {"n_layers": 3, "linear": True, "channels_in": 4, "shifter": True},
    "behavior without shifter": {"channels_in": 4},
    "short shifter": {"channels_in": 4, "shifter": True, "shifter_layers": 1},
    "uncorrelated": {"covariance": "uncorrelated"},
    "isotropic": {"covariance": "isotropic"},
    "free positions": {"predicted": False},
    "other sizes": {"channels": 3, "kernel": 3},
}


def saved(path, state):
    torch.save(state, path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.pth"


@pytest.fixture
def inputs(rng):
    def make(channels):
        image = rng.normal(size=(3, 36, 64, channels)).astype("float32")
        return {"image": image, "pupil_center": rng.normal(size=(3, 2)).astype("float32")}

    return make


@pytest.mark.parametrize("name", NETWORKS)
def test_rates_equal_those_of_the_pytorch_network(path, inputs, name, to_numpy):
    kit = Kit({KEY: 7, OTHER: 5}, **NETWORKS[name])
    model = load_published(saved(path, kit.state_dict()))
    assert model.mice == ("mouse1", "mouse_1_2_3")
    assert model.name == ("ln" if "ln" in name else "cnn")
    assert bool(model.shifters) == hasattr(kit, "shifter")
    signals = inputs(model.image_shape[-1])
    for mouse, key in (("mouse1", KEY), ("mouse_1_2_3", OTHER)):
        np.testing.assert_allclose(
            to_numpy(model({mouse: signals})[mouse]), kit.rates(key, **signals), atol=1e-5
        )


@pytest.mark.filterwarnings("error:.*one place in cortex")
def test_places_that_come_with_the_weights_are_not_missed(path):
    model = load_published(saved(path, Kit({KEY: 7}).state_dict()))
    assert np.ptp(model.readouts["mouse1"].coordinates.numpy(), axis=0).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_an_export_holds_what_was_imported(path, tmp_path, name):
    """The torch network loads it, strictly, and has its own weights again."""
    kit = Kit({KEY: 7, OTHER: 5}, **NETWORKS[name])
    model = load_published(saved(path, kit.state_dict()))
    back = tmp_path / "back.pth"
    keys = save_published(model, back, keys={"mouse_1_2_3": OTHER})
    assert keys == {"mouse1": KEY, "mouse_1_2_3": OTHER}
    again = Kit({KEY: 7, OTHER: 5}, seed=1, **NETWORKS[name])
    again.load_state_dict(torch.load(back, weights_only=True))
    for weight, tensor in kit.state_dict().items():
        if not weight.endswith("num_batches_tracked"):
            assert torch.equal(again.state_dict()[weight], tensor), weight


@pytest.mark.parametrize("track", ["sensorium", "sensorium_plus"])
@pytest.mark.parametrize("name", ["cnn", "ln"])
def test_importing_an_export_is_the_identity(path, rng, name, track):
    settings = {"hidden_channels": 3, "position_hidden_units": 4}
    settings |= {"shifter_hidden_units": 3} if track == "sensorium_plus" else {}
    coordinates = {"mouse2": rng.normal(size=(6, 3)), "lab1": rng.normal(size=(4, 3))}
    model = small_model(coordinates, model=name, track=track, **settings)
    save_published(model, path)
    again = load_published(path)
    assert (again.name, again.mice) == (name, model.mice)
    assert again.inputs == model.inputs
    assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_imported_model_has_the_published_penalties_and_can_be_trained(path, inputs):
    model = load_published(saved(path, Kit({KEY: 7}).state_dict()))
    assert model.core.config.laplace_penalty == 6.3831
    assert model.readouts["mouse1"].config.feature_penalty == 0.0076
    signals = {"mouse1": {"image": inputs(1)["image"]}}
    model.compile(keras.optimizers.SGD(1e-4), {"mouse1": keras.losses.MeanSquaredError()})
    before = model.get_weights()
    model.fit(signals, {"mouse1": np.ones((3, 7), "float32")}, verbose=0)
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_mice_get_the_names_that_are_asked_for(path):
    saved(path, Kit({KEY: 7, "lab": 5}).state_dict())
    assert load_published(path).mice == ("mouse1", "lab")
    assert load_published(path, names={KEY: "mine"}).mice == ("mine", "lab")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"9-9-9": "mine"}, "no mouse '9-9-9' in it, only 26872-17-20, lab"),
        ({KEY: "a mouse"}, "name 'a mouse': expected letters"),
        ({KEY: "lab"}, "26872-17-20 and lab would both be called lab: choose with --names=lab:"),
    ],
)
def test_names_that_do_not_fit_are_refused(path, names, said):
    saved(path, Kit({KEY: 7, "lab": 5}).state_dict())
    with pytest.raises(SensoriumError, match=rf"network\.pth: {said}"):
        load_published(path, names=names)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mouse9": "9-9-9"}, "mouse9: the model has no such mouse, only mouse1"),
        ({"mouse1": "9.9"}, "mouse1: key '9.9' is no session key: expected"),
        ({"mouse1": ""}, "mouse1: key '' is no session key"),
    ],
)
def test_keys_that_do_not_fit_are_refused(path, tmp_path, keys, said):
    model = load_published(saved(path, Kit({KEY: 7}).state_dict()))
    with pytest.raises(SensoriumError, match=said):
        save_published(model, tmp_path / "back.pth", keys=keys)
    assert not (tmp_path / "back.pth").exists()


def test_a_core_of_another_depth_needs_to_be_told_which_baseline_it_is(path, tmp_path, to_numpy):
    kit = Kit({KEY: 7}, n_layers=2, linear=True)
    saved(path, kit.state_dict())
    with pytest.raises(SensoriumError, match=r"is 2 \(4 in the CNN, 3 in the LN\).*--model="):
        load_published(path)
    model = load_published(path, model="ln")
    image = np.random.default_rng(0).normal(size=(2, 36, 64, 1)).astype("float32")
    rates = to_numpy(model({"mouse1": {"image": image}})["mouse1"])
    np.testing.assert_allclose(rates, kit.rates(KEY, image), atol=1e-5)
    with pytest.warns(UserWarning, match="does not tell which baseline .*--model=ln"):
        save_published(model, tmp_path / "back.pth")
    with pytest.raises(SensoriumError, match="model 'vit': expected cnn or ln"):
        load_published(path, model="vit")


def damaged(change):
    """The state dict of a network with one thing wrong."""
    state = dict(Kit({KEY: 7}, channels_in=4, shifter=True).state_dict())
    change(state)
    return state


CONV = "core.features.layer2.ds_conv.in_depth_conv"
STEM = "core.features.layer0.conv.weight"
LAPLACE = "core._input_weights_regularizer.laplace.filter"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop(f"{CONV}.weight"), f"weight '{CONV}.weight' is missing"),
        (lambda s: s.pop(STEM), f"weight '{STEM}' is missing: not a published baseline"),
        (lambda s: s.pop(f"readout.{KEY}.bias"), f"weight 'readout.{KEY}.bias' is missing"),
        (lambda s: s.pop(f"readout.{KEY}.source_grid"), "source_grid' is missing"),
        (lambda s: s.pop(f"readout.{KEY}.sigma"), "no mouse in it"),
        (
            lambda s: s.update({f"{CONV}.bias": torch.zeros(4)}),
            f"weight '{CONV}.bias' has no place .*the published convolutions have no biases",
        ),
        (
            lambda s: s.update(extra=torch.zeros(4), other=torch.zeros(4)),
            "weight 'extra' has no place in a published baseline, and 1 more",
        ),
        (
            lambda s: s.update({f"{CONV}.weight": torch.zeros(4, 4, 3, 3)}),
            rf"weight '{CONV}.weight' has shape \(4, 4, 3, 3\), expected \(4, 4, 1, 1\)",
        ),
        (
            lambda s: s.update({STEM: torch.zeros(4, 3, 9, 9)}),
            "for images of 3 channels, expected 1 or 4",
        ),
        (lambda s: s.update({STEM: torch.zeros(4, 3)}), r"shape \(4, 3\), expected one of 4 axes"),
        (lambda s: s.update({STEM: torch.zeros(4, 1, 9, 9)}), "fits neither track"),
        (
            lambda s: s.update({STEM: torch.zeros(4, 4, 50, 50)}),
            "input_kernel 50: images of",
        ),
        (
            lambda s: s.update({f"readout.{KEY}.sigma": torch.zeros(1, 7, 3, 3)}),
            r"sigma' has shape \(1, 7, 3, 3\), expected \(1, neurons, 2, 2\)",
        ),
        (
            lambda s: s.update({f"readout.{KEY}.bias": torch.full((7,), torch.nan)}),
            "bias' holds NaN or infinity",
        ),
        (
            lambda s: s.update({LAPLACE: torch.ones(1, 1, 3, 3)}),
            "is not the Laplace filter",
        ),
        (
            lambda s: s.update({"core.features.layer999999999.norm.bias": torch.zeros(4)}),
            "layer999999999.norm.bias' has no place",
        ),
        (
            lambda s: s.update({"core.features.layer9.norm.bias": torch.zeros(4)}),
            "weights of 'core.features.layer4' are missing",
        ),
        (
            lambda s: s.update({f"readout.{KEY}.sigma": torch.zeros(1).expand(1, 10**9, 2, 2)}),
            "sigma' is not stored as a plain array",
        ),
        (lambda s: s.update(note="trained on Monday"), "entry 'note' is of type str"),
        (lambda s: s.update({3: torch.zeros(4)}), "an entry is called 3"),
        (lambda s: s.update({"x" * 10**5: torch.zeros(4)}), "an entry is called 'xxx"),
        (
            lambda s: s.update({f"readout.{KEY}.bias": torch.ones(7, dtype=torch.complex64) * 1j}),
            "bias' is torch.complex64, expected floating-point numbers",
        ),
        (
            lambda s: s.update({f"readout.{KEY}.bias": torch.ones(7, dtype=torch.int64)}),
            "bias' is torch.int64, expected floating-point numbers",
        ),
        (
            lambda s: s.update({"core.features.layer0.norm.num_batches_tracked": torch.zeros(3)}),
            r"num_batches_tracked' has shape \(3,\), expected \(\)",
        ),
        (
            lambda s: s.update({f"readout.{KEY}.sigma": torch.zeros(1, 0, 2, 2)}),
            "sigma' is empty",
        ),
    ],
)
def test_what_does_not_fit_is_named(path, change, said):
    with pytest.raises(SensoriumError, match=said) as caught:
        load_published(saved(path, damaged(change)))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch was_run",)


@pytest.mark.parametrize("protocol", ["zip", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(path, tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    state = {**Kit({KEY: 7}).state_dict(), "evil": Evil()}
    if protocol == "zip":
        saved(path, state)
    else:
        path.write_bytes(pickle.dumps(state, protocol=2))
    with pytest.raises(SensoriumError, match="carries code or objects besides its weights"):
        load_published(path)
    assert not (tmp_path / "was_run").exists()


def test_a_whole_pickled_network_is_refused(path):
    with pytest.raises(SensoriumError, match="carries code or objects"):
        load_published(saved(path, Kit({KEY: 7})))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a PyTorch checkpoint, or a damaged one"),
        (b"no checkpoint at all", "not a PyTorch checkpoint, or a damaged one"),
        (b"PK\x03\x04 no zip", "not a PyTorch checkpoint, or a damaged one"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(path, content, said):
    path.write_bytes(content)
    with pytest.raises(SensoriumError, match=said) as caught:
        load_published(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(path, share):
    content = saved(path, Kit({KEY: 7}).state_dict()).read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(SensoriumError, match="not a PyTorch checkpoint, or a damaged one"):
        load_published(path)


def test_a_checkpoint_with_a_flipped_bit_is_refused(path):
    content = bytearray(saved(path, Kit({KEY: 7}).state_dict()).read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SensoriumError, match="not a PyTorch checkpoint, or a damaged one"):
        load_published(path)


def test_a_checkpoint_whose_members_grow_is_refused(path, tmp_path):
    with (
        zipfile.ZipFile(saved(tmp_path / "small.pth", Kit({KEY: 7}).state_dict())) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(SensoriumError, match="not a PyTorch checkpoint, or a damaged one"):
        load_published(path)


def test_kernels_that_the_frameworks_pad_differently_are_refused(path, tmp_path):
    with pytest.raises(SensoriumError, match="4 pixels wide: around kernels of even width"):
        load_published(saved(path, Kit({KEY: 7}, kernel=4).state_dict()))
    model = small_model({"mouse1": np.zeros((3, 2))}, hidden_kernel=4)
    with pytest.raises(SensoriumError, match="even width"):
        save_published(model, tmp_path / "back.pth")


@pytest.mark.parametrize("name", ["model.keras", "model", "model.txt"])
def test_a_checkpoint_has_to_be_called_so(tmp_path, name):
    model = small_model({"mouse1": np.zeros((3, 2))}, n_blocks=0)
    with pytest.raises(SensoriumError, match=r"expected a file name that ends in \.pth or \.pt"):
        save_published(model, tmp_path / name)
    with pytest.raises(SensoriumError, match="named as a Keras model"):
        load_published(tmp_path / "model.keras")


@pytest.mark.parametrize("content", [{}, [1, 2], torch.zeros(3)])
def test_what_is_no_state_dict_is_refused(path, content):
    with pytest.raises(SensoriumError, match="holds no weights by name"):
        load_published(saved(path, content))


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(SensoriumError, match=r"network\.pth: no such checkpoint"):
        load_published(path)


def test_without_torch_the_extra_is_named(path, monkeypatch):
    saved(path, Kit({KEY: 7}).state_dict())
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(SensoriumError, match=r"need PyTorch: pip install 'sensorium_tf\[published"):
        load_published(path)


def test_half_precision_checkpoints_are_read(path):
    state = {
        name: tensor.bfloat16() if tensor.is_floating_point() else tensor
        for name, tensor in Kit({KEY: 7}).state_dict().items()
    }
    model = load_published(saved(path, state))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.readouts["mouse1"].bias),
        state[f"readout.{KEY}.bias"].float().numpy(),
    )


def test_a_model_of_other_layers_is_not_exported(path):
    model = small_model({"mouse1": np.zeros((3, 2))}, n_blocks=0)
    other = FiringRateModel(
        OneLayerCore(channels=4, name="mine"), model.readouts, inputs=model.inputs
    )
    with pytest.raises(SensoriumError, match="mine: OneLayerCore is no part of the published"):
        save_published(other, path)
    assert not path.exists()


@pytest.mark.parametrize("option", ["depth_separable=false", "squeeze_excite=2"])
def test_a_core_that_the_published_form_cannot_hold_is_not_exported(path, option):
    core = f"sensorium(hidden_channels=3, n_blocks=1, {option})"
    model = small_model({"mouse1": np.zeros((3, 2))}, core=core, hidden_channels=None)
    with pytest.raises(SensoriumError, match="full kernels or squeeze-and-excitation, for which"):
        save_published(model, path)
    assert not path.exists()


def test_scattered_positions_are_not_exported(path):
    model = small_model({"mouse1": np.zeros((3, 2))}, positions="scattered")
    with pytest.raises(SensoriumError, match="predicted ones with an offset, for which"):
        save_published(model, path)
    assert not path.exists()
