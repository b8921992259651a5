"""What a call of several steps does and tells."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import MeanReadout, OneLayerCore, inputs, small_model

from sensorium_tf.models import FiringRateModel, PoissonLoss
from sensorium_tf.training import Steps

N_TRIALS, NEURONS = 6, {"mouse3": 4, "mouse1": 3}


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(5)
    image = lambda: rng.normal(size=(N_TRIALS, 36, 64, 1)).astype("float32")  # noqa: E731
    inputs = {mouse: {"image": image()} for mouse in NEURONS}
    responses = {
        mouse: rng.gamma(1.0, size=(N_TRIALS, n)).astype("float32") for mouse, n in NEURONS.items()
    }
    return inputs, responses


def made(optimizer=None, *, shifters=False):
    rng = np.random.default_rng(1)
    coordinates = {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}
    track = "sensorium_plus" if shifters else "sensorium"
    model = small_model(
        coordinates, track=track, hidden_channels=3, n_blocks=1, sigma_init=1e-9, seed=1
    )
    model.compile(
        optimizer or keras.optimizers.SGD(1.0),
        {mouse: PoissonLoss(100) for mouse in NEURONS},
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def take(model, batch, learning_rates, **options):
    strategy = tf.distribute.get_strategy()
    steps = Steps(model, strategy, **options)
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    n_trials = [[N_TRIALS] * len(NEURONS)] * len(learning_rates)
    return steps, steps(iterator, learning_rates=learning_rates, n_trials=n_trials)


@functools.cache
def compiled_once(**options):
    """A model, steps that are traced for the tests together, and the state to start from."""
    model = made()
    steps = Steps(model, tf.distribute.get_strategy(), **options)
    # Random numbers, which readouts draw, have a state, too.
    return model, steps, [np.array(variable) for variable in model.variables]


def taken(batch, learning_rates, *, data=None, stop=False, **options):
    """Takes steps from the first weights; returns the model, those, and the totals."""
    model, steps, first = compiled_once(**options)
    for variable, value in zip(model.variables, first, strict=True):
        variable.assign(value)
    for average, weight in zip(steps.averages, model.weights, strict=False):
        average.assign(weight)
    before = [variable.numpy() for variable in model.trainable_variables]
    iterator = iter(data or tf.data.Dataset.from_tensors(batch).repeat())
    n_trials = [[N_TRIALS] * len(NEURONS)] * len(learning_rates)
    totals = steps(iterator, learning_rates=learning_rates, n_trials=n_trials, stop=stop)
    return model, before, totals


@pytest.fixture(scope="module")
def expected(batch):
    """Gradients of the first weights, and the mice's losses."""
    return gradients(made(), batch)


def gradients(model, batch):
    inputs, responses = batch
    with tf.GradientTape() as tape:
        rates = model(inputs, training=True)
        losses = [model.loss[mouse](responses[mouse], rates[mouse]) for mouse in model.mice]
        total = tf.add_n(losses) + tf.add_n(model.losses)
    variables = [variable.value for variable in model.trainable_variables]
    return [g.numpy() for g in map(tf.convert_to_tensor, tape.gradient(total, variables))], losses


@pytest.mark.parametrize(
    ("shifters", "frozen", "joint_core"),
    [(False, False, False), (True, False, True), (True, True, False), (False, True, True)],
)
def test_a_step_is_keras_s_own_train_step(batch, shifters, frozen, joint_core):
    ours, theirs = (made(keras.optimizers.Adam(0.01), shifters=shifters) for _ in range(2))
    for model in (ours, theirs):
        model.joint_core = joint_core
        model.core.trainable = not frozen
        model.optimizer.build(model.trainable_variables)
    inputs, responses = batch
    if shifters:
        center = np.random.default_rng(2).normal(size=(N_TRIALS, 2)).astype("float32")
        inputs = {
            mouse: {"image": np.tile(signals["image"], 4), "pupil_center": center}
            for mouse, signals in inputs.items()
        }
    take(ours, (inputs, responses), [0.01, 0.01])
    for _ in range(2):
        theirs.train_step((inputs, responses))
    for a, b, weight in zip(ours.get_weights(), theirs.get_weights(), ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=weight.path)


def test_each_step_has_its_learning_rate(batch, expected):
    model, before, _ = taken(batch, [1e-4])
    for variable, old, gradient in zip(model.trainable_variables, before, expected[0], strict=True):
        np.testing.assert_allclose(
            variable.numpy(), old - 1e-4 * gradient, rtol=1e-3, atol=1e-5, err_msg=variable.path
        )
    frozen, before, _ = taken(batch, [0.0, 0.0])
    for variable, old in zip(frozen.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def test_losses_are_summed_with_the_trials_as_weights(batch, expected):
    model, _, totals = taken(batch, [0.0, 0.0])
    penalties = model.penalties()
    np.testing.assert_allclose(totals.poisson, 2 * N_TRIALS * np.array(expected[1]), rtol=1e-5)
    # A step has so many trials of each of two mice.
    weighed = [2 * 2 * N_TRIALS * float(penalties[name]) for name in ("laplace", "features")]
    np.testing.assert_allclose(totals.penalties, weighed, rtol=1e-5)
    assert totals.bad is None and not totals.stopped


def test_gradients_are_clipped_by_their_common_norm(batch, expected):
    norm = np.sqrt(sum((gradient**2).sum() for gradient in expected[0]))
    model, before, _ = taken(batch, [1.0], clip_norm=0.01)
    moved = [
        old - variable.numpy()
        for variable, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.sqrt(sum((each**2).sum() for each in moved)) == pytest.approx(0.01, rel=1e-2)
    for each, gradient in zip(moved, expected[0], strict=True):
        np.testing.assert_allclose(each, 0.01 / norm * gradient, rtol=0.05, atol=1e-5)
    unclipped, _, _ = taken(batch, [1e-4], clip_norm=2 * norm)
    reference, _, _ = taken(batch, [1e-4])
    for a, b in zip(unclipped.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_the_average_follows_the_weights(batch):
    model, steps, _ = compiled_once(ema_decay=0.99)
    taken(batch, [1e-2], ema_decay=0.99)
    weights = made().get_weights(), model.get_weights()
    for average, old, new in zip(steps.averages, *weights, strict=True):
        np.testing.assert_allclose(average.numpy(), 0.99 * old + 0.01 * new, rtol=1e-5, atol=1e-7)
    assert Steps(model, tf.distribute.get_strategy()).averages == []


def with_nan(batch):
    """The batch with responses of one mouse that are none."""
    inputs, responses = batch
    return inputs, {**responses, "mouse1": np.full_like(responses["mouse1"], np.nan)}


def test_a_step_that_is_not_finite_is_told_with_mouse_and_gradients(batch):
    good, bad = map(tf.data.Dataset.from_tensors, (batch, with_nan(batch)))
    _, _, totals = taken(batch, [1e-6] * 3, data=good.concatenate(bad).concatenate(bad))
    assert totals.bad.index == 1
    losses = totals.bad.losses
    assert np.isfinite(losses["mouse3"]) and np.isnan(losses["mouse1"])
    infinite = {path for path, each in totals.bad.gradients.items() if np.isinf(each)}
    assert "readout_mouse1/bias" in infinite and "readout_mouse3/bias" not in infinite


def test_clipping_does_not_hide_whose_gradients_are_bad(batch):
    _, _, totals = taken(with_nan(batch), [1e-6], clip_norm=0.01)
    infinite = {path for path, each in totals.bad.gradients.items() if np.isinf(each)}
    assert "readout_mouse1/bias" in infinite and "readout_mouse3/bias" not in infinite


def test_huge_gradients_are_clipped_and_not_lost(batch):
    inputs, responses = batch
    responses = {mouse: 1e30 * each for mouse, each in responses.items()}
    model, before, _ = taken((inputs, responses), [1.0], clip_norm=0.01)
    moved = [
        variable.numpy() - old
        for variable, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.sqrt(sum((each**2).sum() for each in moved)) == pytest.approx(0.01, rel=0.05)


def test_an_average_of_a_constant_is_the_constant(batch):
    model, steps, _ = compiled_once(ema_decay=0.99)
    taken(batch, [0.0], ema_decay=0.99)
    for average, weight in zip(steps.averages, model.weights, strict=True):
        if "moving" not in weight.path:
            np.testing.assert_array_equal(average.numpy(), weight.numpy())


def test_a_request_to_stop_comes_back(batch):
    for stop in (False, True):
        _, _, totals = taken(batch, [0.0], stop=stop)
        assert totals.stopped is stop


def test_the_loop_is_traced_once_for_any_numbers_of_steps(batch):
    model = made()
    steps = Steps(model, tf.distribute.get_strategy())
    calls = []
    real = model.call
    model.call = lambda *args, **kwargs: calls.append(1) or real(*args, **kwargs)
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    for n_steps in (4, 4, 2, 3, 7):
        n_trials = [[N_TRIALS] * 2] * n_steps
        steps(iterator, learning_rates=[1e-6] * n_steps, n_trials=n_trials)
    # Each trace calls the model once for each mouse.
    assert len(calls) == len(NEURONS)


def test_a_model_without_penalties_takes_steps(batch):
    model = made()
    free = FiringRateModel(
        OneLayerCore(), {mouse: MeanReadout(n) for mouse, n in NEURONS.items()}, inputs=inputs()
    )
    free.compile(keras.optimizers.SGD(1e-3), model.loss, jit_compile=False)
    before = free.get_weights()
    _, totals = take(free, batch, [1e-3])
    assert totals.bad is None and totals.penalties.tolist() == [0.0, 0.0]
    assert any((a != b).any() for a, b in zip(before, free.get_weights(), strict=True))


def test_a_regularizer_counts_once_however_many_mice_pass_the_core(batch):
    def model():
        core = OneLayerCore(regularizer="l2")
        readouts = {mouse: MeanReadout(n, regularizer="l1") for mouse, n in NEURONS.items()}
        free = FiringRateModel(core, readouts, inputs=inputs())
        free.core.conv.kernel.assign(np.random.default_rng(1).normal(size=(9, 9, 1, 2)))
        free.compile(keras.optimizers.SGD(1e-3), made().loss, jit_compile=False)
        for weight in free.trainable_variables[1:]:
            weight.assign(keras.ops.ones_like(weight) * 0.1)
        return free

    ours, theirs = model(), model()
    take(ours, batch, [1e-3])
    theirs.train_step(batch)
    for a, b, weight in zip(ours.get_weights(), theirs.get_weights(), ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=weight.path)


def test_a_mouse_sends_its_gradients_back_before_the_next_one_passes_the_core(batch):
    events = []

    def noted(tensor, event):
        def note(array):
            events.append(event)
            return array

        # Not stateful: that alone would keep the order.
        return tf.ensure_shape(
            tf.numpy_function(note, [tensor], tensor.dtype, stateful=False), tensor.shape
        )

    class Watched(OneLayerCore):
        def call(self, images, training=None):
            @tf.custom_gradient
            def watch(features):
                return noted(features, "there"), lambda upstream: noted(upstream, "back")

            return watch(super().call(images))

    def order(joint_core):
        readouts = {mouse: MeanReadout(n) for mouse, n in NEURONS.items()}
        model = FiringRateModel(Watched(), readouts, inputs=inputs(), joint_core=joint_core)
        model.compile(keras.optimizers.SGD(1e-3), made().loss, jit_compile=False)
        events.clear()
        take(model, batch, [1e-3, 1e-3])
        return list(events)

    assert order(joint_core=False) == ["there", "back"] * 4
    assert order(joint_core=True) == ["there", "back"] * 2
