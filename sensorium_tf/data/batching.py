"""Batches of one or several mice."""

import functools
import os
import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.data.common_inputs import inputs_of
from sensorium_tf.data.movie_trials import MovieTrials
from sensorium_tf.data.names import mouse_names
from sensorium_tf.data.opening import load_mouse
from sensorium_tf.data.trials import Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.movie_settings import WINDOW
from sensorium_tf.specs import POOLED, InputSpec

_DRAWING = threading.Lock()


def batches(
    mice: str | Iterable[str],
    *,
    track: str,
    channels: Sequence[str] = (),
    extras: Sequence[str] | None = None,
    image_size: str | tuple[int, int] | None = None,
    tier: str = "train",
    batch_size: int = 128,
    shuffle: bool | None = None,
    seed: int = 0,
    window: int = WINDOW,
    statistics: str = POOLED,
    data_dir: str | os.PathLike | None = None,
    challenge: Challenge = DEFAULT,
) -> tf.data.Dataset:
    """Returns the batches of one or several prepared mice, ready for `model.fit`.

    Example:
        >>> train = sensorium_tf.data.batches(["mouse1", "mouse3"], track="sensorium")
        >>> for inputs, responses in train: ...

    Args:
        mice: A name, names joined by commas, or a list of names.
        track: Name of the track, such as `sensorium` or `sensorium_plus`.
        channels: Signals to stack instead of the track's, such as `image` and `centred_image`.
        extras: Signals to give beside the image instead of the track's, such as `behavior`; None
            for the track's.
        image_size: Of the images, as of `Mouse.with_image_size`.
        tier: `train`, `validation`, `test` or `final_test`; of movies another of their challenge's.
        batch_size: Trials of each mouse in a batch; a short last batch is kept.
        shuffle: Whether the order is new in each epoch; by default only that of `train` is.
        seed: Of the shuffling.
        window: Frames of a movie, drawn anew in each epoch from each trial that has as many; where
            nothing is shuffled they are its first ones.
        statistics: By which movies are normalised, as of `Mouse.with_statistics`.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        challenge: Whose mice.

    Returns:
        A dataset of known length. An element is `(inputs, responses)`: `inputs[mouse]` is
        `{"image": (batch, height, width, channels)}`, for `sensorium_plus` with `"pupil_center":
        (batch, 2)`, and `responses[mouse]` is `(batch, neurons)`. Of movies it is `{"video":
        (batch, window, height, width, channels), "pupil_center": (batch, window, 2)}`, and
        responses are `(batch, window, neurons)`, of which `PoissonLoss` uses those of the last
        frames. An epoch covers the mouse with the most batches; the shorter ones go round again.

    Raises:
        SensoriumError: If a mouse is not prepared or lacks what the track and tier need, or the
            mice are given images of different sizes or channels.
    """
    names = mouse_names(mice)
    loaded = [
        load_mouse(name, data_dir=data_dir, challenge=challenge)
        .with_image_size(image_size)
        .with_statistics(statistics)
        for name in names
    ]
    inputs = inputs_of(loaded, track=track, channels=channels, extras=extras)
    for mouse in loaded:
        mouse.check_tier(tier, responses=True)
    trials = {mouse.name: mouse.trials(tier) for mouse in loaded}
    if challenge.recording.has_time:
        trials = {name: each.windows(window) for name, each in trials.items()}
    return Batches(
        trials,
        inputs=inputs,
        batch_size=batch_size,
        shuffle=tier == "train" if shuffle is None else shuffle,
        seed=seed,
    ).dataset()


class Batches:
    """The batches of each epoch, a function of the seed and the epoch's number alone.

    So a run that goes on after a stop sees what it would have seen without.

    Args:
        trials: Mouse to its trials.
        inputs: What the model is given.
        batch_size: Trials of each mouse in a batch.
        shuffle: Whether an epoch draws its own order; else trials come in the order of their index.
        seed: Of the order, and of the windows of movies.

    Attributes:
        steps_per_epoch: Batches in an epoch: as many as the mouse with the most trials has.
    """

    def __init__(
        self,
        trials: Mapping[str, Trials | MovieTrials],
        *,
        inputs: InputSpec,
        batch_size: int = 128,
        shuffle: bool = True,
        seed: int = 0,
    ):
        if batch_size < 1:
            raise SensoriumError(f"batch size {batch_size}: expected at least 1")
        self._trials = dict(trials)
        self._inputs = inputs
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._n_batches = [-(-len(each) // batch_size) for each in self._trials.values()]
        self.steps_per_epoch = max(self._n_batches)
        # Also fails here, not in a worker thread, if a mouse lacks what the model needs.
        nothing = [(slice(0, 0), None)] * len(self._trials)
        self._empty_batch = self._select(nothing)

    def dataset(self) -> tf.data.Dataset:
        """Returns a dataset that goes through the next epoch each time it is iterated."""
        if not self._shuffle:
            return self.epoch(0)
        numbers = tf.data.Dataset.random(seed=self._seed, rerandomize_each_iteration=True).take(1)
        steps = numbers.flat_map(lambda number: self._steps(number, 0, 1, (0,)))
        return self._load(steps, self.steps_per_epoch)

    def epoch(
        self,
        number: int,
        *,
        first_step: int = 0,
        n_replicas: int = 1,
        replicas: Sequence[int] = (0,),
    ) -> tf.data.Dataset:
        """Returns the batches of one epoch; see `batches` for their structure.

        Args:
            number: Of the epoch.
            first_step: Steps before it are left out.
            n_replicas: Devices that share each batch: every trial of it goes to one of them.
            replicas: Those whose shares are wanted; for each step there is one element for each of
                them, in this order. A share is empty where a short last batch has fewer trials.
        """
        steps = self._steps(number, first_step, n_replicas, replicas)
        return self._load(steps, (self.steps_per_epoch - first_step) * len(replicas))

    def n_trials(self, step: int) -> list[int]:
        """Returns how many trials of each mouse a step of an epoch takes."""
        starts = [step % n_batches * self._batch_size for n_batches in self._n_batches]
        return [
            min(self._batch_size, len(trials) - start)
            for trials, start in zip(self._trials.values(), starts, strict=True)
        ]

    def n_images(self, steps: Iterable[int]) -> int:
        """Returns how many images, or frames, of all mice some steps of an epoch take."""
        sizes = [trials.n_frames_in_training for trials in self._trials.values()]
        return sum(
            n * size for step in steps for n, size in zip(self.n_trials(step), sizes, strict=True)
        )

    def _steps(self, epoch, first_step: int, n_replicas: int, replicas: Sequence[int]):
        """Returns a dataset of what `_batch` takes, for each step and replica of an epoch."""
        epoch = tf.cast(epoch, tf.int64)
        chosen = tf.constant(replicas, tf.int64)
        shares = tf.data.Dataset.range(
            first_step * len(replicas), self.steps_per_epoch * len(replicas)
        )

        @tf.autograph.experimental.do_not_convert
        def which(share):
            return (
                epoch,
                share // len(replicas),
                chosen[share % len(replicas)],
                tf.constant(n_replicas, tf.int64),
            )

        return shares.map(which)

    def _load(self, steps: tf.data.Dataset, n_elements: int) -> tf.data.Dataset:
        """Turns a dataset of what `_batch` takes into one of batches."""
        flat = tf.nest.flatten(self._empty_batch)

        @tf.autograph.experimental.do_not_convert
        def load(*which: tf.Tensor):
            arrays = tf.numpy_function(
                lambda *which: tf.nest.flatten(self._batch(*map(int, which))),
                which,
                [tf.float32] * len(flat),
                stateful=False,
            )
            for array, empty in zip(arrays, flat, strict=True):
                array.set_shape((None, *empty.shape[1:]))
            return tf.nest.pack_sequence_as(self._empty_batch, arrays)

        loaded = steps.map(load, num_parallel_calls=2, deterministic=True).prefetch(1)
        loaded = loaded.apply(tf.data.experimental.assert_cardinality(n_elements))
        # There is nothing to tune, and the end of an iterator may wait for the tuner's next turn:
        # for seconds, later for a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return loaded.with_options(options)

    def _batch(self, epoch: int, step: int, replica: int, n_replicas: int):
        """Returns `(inputs, responses)` of all mice: a replica's share of a step's trials."""
        chosen = []
        for position, trials in enumerate(self._trials.values()):
            cycle, batch = divmod(step, self._n_batches[position])
            rows, seeds = slice(batch * self._batch_size, (batch + 1) * self._batch_size), None
            if self._shuffle:
                seeds = (self._seed, position, epoch, cycle)
                rows = _order(len(trials), *seeds)[rows]
            elif n_replicas > 1:
                rows = np.arange(len(trials))[rows]
            if n_replicas > 1:
                rows = np.array_split(rows, n_replicas)[replica]
            chosen.append((rows, seeds))
        return self._select(chosen)

    def _select(self, chosen):
        """Returns `(inputs, responses)` with some trials of each mouse, windows of a seed each."""
        inputs, responses = {}, {}
        for (mouse, trials), (rows, seed) in zip(self._trials.items(), chosen, strict=True):
            inputs[mouse], responses[mouse] = trials.examples(self._inputs, rows, seed=seed)
        return inputs, responses


def _order(n_trials: int, *seeds: int) -> np.ndarray:
    """Returns the order of the trials in one pass over a mouse."""
    # Two threads load batches: the later one waits for the order that the other draws.
    with _DRAWING:
        return _draw_order(n_trials, *seeds)


@functools.lru_cache(maxsize=64)
def _draw_order(n_trials: int, *seeds: int) -> np.ndarray:
    return np.random.default_rng(seeds).permutation(n_trials)
