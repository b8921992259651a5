"""A model of movies whose neurons are known: energy of motion, or one filter in space and time."""

import numpy as np
from keras import ops
from known_model import COMPLEX, GABORS, MEAN, ORIENTATIONS, SIZE, STD, FilterReadout

from sensorium_tf import config
from sensorium_tf.models import CoreBase, FiringRateModel
from sensorium_tf.specs import Input, InputSpec

#: Frames between the two parts of a filter: a quarter of a cycle of the preferred frequency.
DELAY = 3
FREQUENCY = 30 / (4 * DELAY)
#: Of the motion that each neuron prefers, radians: along its orientation's angle, or against it.
SIGNS = np.array([1, -1, 1, -1])
DIRECTIONS = np.where(SIGNS > 0, ORIENTATIONS, ORIENTATIONS + np.pi)


class DelayCore(CoreBase):
    """Each frame, and as further channels the one some frames before."""

    class Config(config.Config):
        """Has no settings."""

    takes_movies = True

    @property
    def lost_frames(self):
        """How many frames have none so long before."""
        return DELAY

    def call(self, movies, training=None):
        """Stacks two frames."""
        return ops.concatenate([movies[:, DELAY:], movies[:, :-DELAY]], axis=-1)


def movie_spec(*, mice=("known",), behavior=0):
    """What the known model is given."""
    channels = [Input("video", 1, "standardize")]
    if behavior:
        channels.append(Input("behavior", behavior, "scale"))
    constants = {"video": {"mean": MEAN, "std": STD}, "behavior": {"mean": 1.0, "std": 2.0}}
    return InputSpec(
        challenge="sensorium2023",
        track="main",
        image_size=SIZE,
        recorded_size=SIZE,
        time=True,
        channels=tuple(channels),
    ).with_constants(dict.fromkeys(mice, constants))


def movie_filters():
    """The filters `(neurons, frames, height, width)` of both phases: the first and last frame."""
    even, odd = GABORS
    signs = SIGNS[:, None, None]
    return [np.stack([signs * odd, even], 1), np.stack([-signs * even, odd], 1)]


def known_movie_model(*, behavior=0, scale=1.0, mice=("known",), spec=None):
    """A model of the cells of `known_model`, which now prefer a direction of motion.

    Args:
        behavior: Channels of behavior, which add the last frame's answer, too.
        scale: Of the filters.
        mice: Names of mice, each with these neurons.
        spec: What it is given, if not `movie_spec`.
    """
    spec = spec or movie_spec(mice=mice, behavior=behavior)
    readouts = {mouse: FilterReadout(len(SIGNS)) for mouse in mice}
    model = FiringRateModel(DelayCore(), readouts, inputs=spec)
    for readout in model.readouts.values():
        for weight, filters in zip((readout.even, readout.odd), movie_filters(), strict=True):
            before, now = filters[:, 0], filters[:, 1]
            channels = [now, *[now] * behavior, before, *[0 * before] * behavior]
            weight.assign(scale * np.stack(channels, -1).reshape(len(filters), -1).T)
        readout.squared.assign(COMPLEX.astype("float32"))
    return model
