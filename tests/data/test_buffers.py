"""Memory of batches is used again, but never while somebody looks at it."""

import numpy as np
import pytest
import tensorflow as tf

from sensorium_tf.data.buffers import Buffers, select, stack_channels

SHAPE = (300, 400)


def test_memory_in_use_is_not_handed_out():
    buffers = Buffers()
    kept = [buffers.empty(SHAPE) for _ in range(20)]
    for number, array in enumerate(kept):
        array[:] = number
    assert [array[0, 0] for array in kept] == list(range(20))
    assert not any(np.shares_memory(kept[0], other) for other in kept[1:])


def test_memory_that_nobody_uses_is_handed_out_again():
    buffers = Buffers()
    first = buffers.empty(SHAPE)
    place = first.ctypes.data
    other = buffers.empty(SHAPE)
    assert other.ctypes.data != place
    del first
    assert buffers.empty((SHAPE[1], SHAPE[0])).ctypes.data == place


@pytest.mark.parametrize("hold", [lambda a: a[3:5], lambda a: tf.convert_to_tensor(a)])
def test_a_view_and_a_tensor_keep_the_memory(hold):
    buffers = Buffers()
    array = buffers.empty(SHAPE)
    array[:] = 7.0
    held = hold(array)
    del array
    buffers.empty(SHAPE)[:] = 1.0
    np.testing.assert_array_equal(held, 7.0)


def test_tensorflow_takes_the_memory_over_without_a_copy():
    """In the threads that make batches, that is."""
    array = Buffers().empty(SHAPE)
    array[:] = 7.0
    made = tf.data.Dataset.range(1).map(
        lambda step: tf.numpy_function(lambda _: array, [step], tf.float32, stateful=False)
    )
    taken = next(iter(made))
    array[0, 0] = 8.0
    assert float(taken[0, 0]) == 8.0


@pytest.mark.parametrize(
    "index",
    [
        slice(2, 5),
        np.array([4, 0, 4]),
        [4, 0, 4],
        np.array([-1, 2]),
        np.arange(6) % 2 == 0,
        np.array([], np.int64),
        2,
    ],
)
def test_rows_are_chosen_as_numpy_chooses_them(rng, index):
    array = rng.normal(size=(6, 5, 7)).astype("float32")
    np.testing.assert_array_equal(select(array, index), array[index])


def test_rows_that_are_not_there_are_refused():
    with pytest.raises(IndexError):
        select(np.zeros((6, 5), np.float32), np.array([2, 6]))


@pytest.mark.parametrize(
    "sizes", [(1, -3), (1, -1), (2, -4, -2), (1, 1), (1, -2, 1), (1, -1, 2, -7)], ids=str
)
def test_channels_are_stacked_in_order(rng, sizes):
    """Images have positive sizes here, constants negative ones."""
    parts = [
        rng.normal(size=(3, 5, 7, size) if size > 0 else (3, -size)).astype("float32")
        for size in sizes
    ]
    parts[-1].flat[1], parts[0][0, 0, 0, 0] = np.nan, -0.0
    expected = [
        part if part.ndim == 4 else np.broadcast_to(part[:, None, None], (3, 5, 7, part.shape[1]))
        for part in parts
    ]
    stacked = stack_channels(parts)
    assert stacked.flags.c_contiguous
    assert stacked.tobytes() == np.concatenate(expected, axis=-1).tobytes()


def test_one_part_alone_is_not_copied(rng):
    images = rng.normal(size=(3, 5, 7, 2)).astype("float32")
    assert stack_channels([images]) is images


@pytest.fixture
def rng():
    return np.random.default_rng(3)
