"""The recurrent core of movies."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import GRUCore, RotationEquivariantCore
from sensorium_tf.models.ops.recurrent import ConvolutionalGRU

IMAGES = "sensorium(hidden_channels=3, n_blocks=1, input_kernel=3, hidden_kernel=3)"


@pytest.fixture
def movie(rng):
    return rng.normal(size=(2, 4, 10, 12, 1)).astype("float32")


def same(maps, kernel):
    """Filters maps `(batch, height, width, channels)`, zeros around them."""
    size = kernel.shape[0]
    framed = np.pad(maps, ((0, 0), *[((size - 1) // 2, size // 2)] * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(framed, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bhwcij,ijck->bhwk", windows, kernel)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_states_are_those_of_the_formula(rng, to_numpy):
    layer = ConvolutionalGRU(2, 3, seed=1, name="gru")
    clips = rng.normal(size=(2, 3, 5, 6, 4)).astype("float32")
    layer.build((None, None, 5, 6, 4))
    for each in layer.of_frames:
        each.bias.assign(rng.normal(size=2))
    states = to_numpy(layer(clips))
    assert states.shape == (2, 3, 5, 6, 2)
    kernels = [layer_.get_weights() for layer_ in layer.of_frames]
    update, reset, candidate = (to_numpy(each) for each in layer.of_state)
    h = np.zeros((2, 5, 6, 2))
    for frame in range(3):
        of_u, of_r, of_c = (same(clips[:, frame], kernel) + bias for kernel, bias in kernels)
        u, r = sigmoid(of_u + same(h, update)), sigmoid(of_r + same(h, reset))
        h = (1 - u) * h + u * np.tanh(of_c + same(r * h, candidate))
        np.testing.assert_allclose(states[:, frame], h, rtol=1e-4, atol=1e-5)


def test_no_state_knows_of_frames_to_come(movie, to_numpy):
    core = GRUCore(core=IMAGES, channels=2, kernel=3, seed=1)
    assert core.lost_frames == 0
    before = to_numpy(core(movie))
    changed = movie.copy()
    changed[:, 2] += 1
    differs = (to_numpy(core(changed)) != before).any((0, 2, 3, 4))
    np.testing.assert_array_equal(differs, [False, False, True, True])


def test_levels_are_those_of_the_core_of_images_then_the_states(movie, to_numpy):
    core = GRUCore(core=IMAGES, channels=2, kernel=3, seed=1)
    levels = core.levels(movie)
    assert [tuple(each.shape) for each in levels] == [(2, 4, 8, 10, 3)] * 2 + [(2, 4, 8, 10, 2)]
    for frame in range(4):
        expected = to_numpy(core.frames(movie[:, frame]))
        np.testing.assert_allclose(to_numpy(levels[1])[:, frame], expected, rtol=1e-4, atol=1e-5)


def test_it_pays_what_its_core_of_images_pays(movie, to_numpy):
    core = GRUCore(core=IMAGES, channels=2, kernel=3, seed=1)
    core(movie)
    assert to_numpy(core.penalty()) == to_numpy(core.frames.penalty()) > 0
    assert core.penalty_label == "laplace"
    np.testing.assert_array_equal(core.first_layer(), core.frames.first_layer())


def test_the_baseline_sees_frames_by_the_rotation_equivariant_core():
    assert isinstance(GRUCore().frames, RotationEquivariantCore)


@pytest.mark.parametrize(
    ("core", "said"),
    [
        ("factorised_3d", "core factorised_3d: takes movies: expected a core that takes images"),
        ("v1t", "core v1t: takes behavior: expected"),
        ("sensorium(n_block=1)", "option of core sensorium.*n_block"),
        ("sensorium(n_blocks=-1)", "n_blocks -1"),
        ("nothing", "nothing: no such core: expected one of"),
    ],
)
def test_a_core_of_images_that_there_is_not_is_one_line(core, said):
    with pytest.raises(SensoriumError, match=f"^GRUCore: .*{said}"):
        GRUCore(core=core)
