"""The vision transformers."""

import numpy as np
import pytest
from small_models import small_model

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, V1TCore, ViTCore
from sensorium_tf.models.ops.transformer import SelfAttention

SMALL = {"channels": 4, "heads": 2, "depth": 1, "hidden": 6, "stride": 4, "seed": 1}
OPTIONS = ", ".join(f"{name}={value}" for name, value in SMALL.items() if name != "seed")


def test_patches_become_a_map(rng):
    core = ViTCore(**SMALL)
    assert core(rng.normal(size=(2, 18, 24, 1)).astype("float32")).shape == (2, 3, 5, 4)
    assert ViTCore().compute_output_shape((None, 36, 64, 1)) == (None, 15, 29, 64)


def test_attention_follows_its_formula(rng, to_numpy):
    layer = SelfAttention(4, 2, seed=1, name="attention")
    tokens = rng.normal(size=(3, 5, 4)).astype("float32")
    mixed = to_numpy(layer(tokens))
    (w, b), (w_out, b_out) = layer.into.get_weights(), layer.out.get_weights()
    parts = (tokens @ w + b).reshape(3, 5, 3, 2, 2)
    query, key, value = np.moveaxis(parts, 2, 0)
    scores = np.exp(np.einsum("bqhd,bkhd->bhqk", query, key) / np.sqrt(2))
    attended = np.einsum("bhqk,bkhd->bqhd", scores / scores.sum(-1, keepdims=True), value)
    expected = attended.reshape(3, 5, 4) @ w_out + b_out
    np.testing.assert_allclose(mixed, expected, rtol=1e-4, atol=1e-5)


def test_equal_patches_are_told_apart_by_their_positions(to_numpy):
    core = ViTCore(**SMALL)
    features = to_numpy(core(np.ones((1, 16, 24, 1), "float32")))[0].reshape(-1, 4)
    assert len(np.unique(features.round(6), axis=0)) == len(features)


def test_heads_have_to_share_the_channels():
    with pytest.raises(SensoriumError, match="channels 4: cannot be divided among 3 heads"):
        ViTCore(**{**SMALL, "heads": 3})


def test_images_smaller_than_a_patch_are_refused():
    with pytest.raises(SensoriumError, match="patch 8: images of 7 x 64 pixels are smaller"):
        ViTCore(**SMALL).build((None, 7, 64, 1))


def test_behavior_changes_what_v1t_computes(rng, to_numpy):
    core = V1TCore(**SMALL)
    images = rng.normal(size=(2, 16, 24, 1)).astype("float32")
    rest, running = (
        to_numpy(core(images, signals={"behavior": np.full((2, 3), value, "float32")}))
        for value in (0.0, 1.0)
    )
    assert np.abs(rest - running).max() > 1e-3


@pytest.mark.parametrize("joint_core", [False, True])
def test_a_model_gives_the_core_the_behavior_of_each_mouse(rng, to_numpy, joint_core):
    coordinates = {"mouse3": rng.normal(size=(5, 3)), "mouse4": rng.normal(size=(4, 3))}
    model = small_model(
        coordinates,
        track="sensorium_plus",
        core=f"v1t({OPTIONS})",
        shifter="none",
        hidden_channels=None,
        sigma_init=1e-9,
        seed=3,
        joint_core=joint_core,
    )
    assert model.inputs.extra_shapes() == {"behavior": (3,)}
    batch = {
        mouse: {
            "image": rng.normal(size=(n, 36, 64, 4)).astype("float32"),
            "behavior": rng.normal(size=(n, 3)).astype("float32"),
        }
        for mouse, n in (("mouse3", 2), ("mouse4", 3))
    }
    rates = {mouse: to_numpy(each) for mouse, each in model(batch, training=False).items()}
    for mouse, signals in batch.items():
        alone = to_numpy(model.for_mouse(mouse)(signals))
        np.testing.assert_allclose(rates[mouse], alone, rtol=1e-4, atol=1e-5)
    together = model(batch, training=True)
    assert [each.shape for each in together.values()] == [(2, 5), (3, 4)]
    still = {mouse: {**each, "behavior": 0 * each["behavior"]} for mouse, each in batch.items()}
    assert not np.allclose(to_numpy(model(still)["mouse4"]), rates["mouse4"], rtol=1e-4)


def test_v1t_is_refused_where_behavior_is_not_given(rng):
    coordinates = {"mouse1": rng.normal(size=(5, 3))}
    with pytest.raises(SensoriumError, match="core v1t: takes behavior, but models of track sens"):
        small_model(coordinates, core=f"v1t({OPTIONS})", hidden_channels=None)
    whole = small_model(coordinates)
    with pytest.raises(SensoriumError, match="the model's parts take behavior"):
        FiringRateModel(V1TCore(**SMALL), whole.readouts, inputs=whole.inputs)
