"""Models whose neurons are known: filters of images, squared for complex cells."""

import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.models import CoreBase, FiringRateModel, ReadoutBase
from sensorium_tf.specs import Input, InputSpec

SIZE = (16, 24)
MEAN, STD = 110.0, 50.0


class SameCore(CoreBase):
    """The image channel, as it is."""

    class Config(config.Config):
        """Has no settings."""

    def call(self, images, training=None):
        """Leaves the images alone."""
        return images


class FilterReadout(ReadoutBase):
    """Drives: a filter's answer or the energy of two filters, less what suppresses."""

    class Config(config.Config):
        """Has no settings."""

    def build(self, input_shape):
        """Makes the weights for images `(batch, height, width, channels)`."""
        shape = (int(np.prod(input_shape[1:])), self.n_neurons)
        self.even = self.add_weight(name="even", shape=shape, initializer="zeros")
        self.odd = self.add_weight(name="odd", shape=shape, initializer="zeros")
        self.squared = self.add_weight(name="squared", shape=shape[1:], initializer="zeros")
        self.suppression = self.add_weight(name="suppression", shape=shape, initializer="zeros")

    def call(self, features, shift=None, training=None):
        """Filters the images."""
        flat = ops.reshape(features, (ops.shape(features)[0], -1))
        even, odd = ops.matmul(flat, self.even), ops.matmul(flat, self.odd)
        drive = self.squared * (even**2 + odd**2) + (1 - self.squared) * even
        return drive - ops.matmul(flat**2, self.suppression)


def gabor(place, orientation, wavelength, phase, size):
    """A Gabor filter of norm 1, written as the simulator's."""
    row, column = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    dx, dy = column - place[0], row - place[1]
    wave = 2 * np.pi / wavelength * (np.cos(orientation) * dx + np.sin(orientation) * dy) + phase
    found = np.exp(-(dx**2 + dy**2) / (2 * size**2)) * np.cos(wave)
    return found / np.linalg.norm(found)


PLACES = np.array([[8.0, 7.0], [15.0, 9.0], [11.0, 6.0], [16.0, 7.0]])
ORIENTATIONS = np.radians([20.0, 70.0, 115.0, 160.0])
WAVELENGTHS = np.array([6.0, 8.0, 7.0, 6.0])
PHASES = np.array([0.3, 1.2, 0.0, 2.0])
WIDTHS = np.array([2.0, 2.4, 2.2, 2.0])
COMPLEX = np.array([False, False, True, True])
GABORS = [
    np.stack(
        [
            gabor(*each)
            for each in zip(PLACES, ORIENTATIONS, WAVELENGTHS, PHASES + turn, WIDTHS, strict=True)
        ]
    )
    for turn in (0.0, np.pi / 2)
]


def inputs(*, mice=("known",), behavior=0):
    """What the known models are given."""
    channels = [Input("image", 1, "standardize")]
    if behavior:
        channels.append(Input("behavior", behavior, "scale"))
    constants = {"image": {"mean": MEAN, "std": STD}, "behavior": {"mean": 1.0, "std": 2.0}}
    return InputSpec(
        challenge="sensorium2022",
        track="sensorium",
        image_size=SIZE,
        recorded_size=(64, 96),
        channels=tuple(channels),
    ).with_constants(dict.fromkeys(mice, constants))


def filter_model(filters):
    """A linear-nonlinear model of any filters `(neurons, height, width)`."""
    model = FiringRateModel(SameCore(), {"known": FilterReadout(len(filters))}, inputs=inputs())
    model.readouts["known"].even.assign(filters.reshape(len(filters), -1).T.astype("float32"))
    return model


def known_model(*, mice=("known",), behavior=0, scale=1.0, spec=None):
    """A model of the Gabor cells above: two simple ones, two complex ones.

    Args:
        mice: Names of mice, each with these neurons.
        behavior: Channels of behavior, which add the filters' answer, too.
        scale: Of the filters.
        spec: What it is given, if not `inputs`.
    """
    spec = spec or inputs(mice=mice, behavior=behavior)
    model = FiringRateModel(
        SameCore(), {mouse: FilterReadout(len(PLACES)) for mouse in mice}, inputs=spec
    )
    for readout in model.readouts.values():
        for weight, filters in zip((readout.even, readout.odd), GABORS, strict=True):
            channels = [filters, *([filters] * behavior)]
            weight.assign(scale * np.stack(channels, -1).reshape(len(filters), -1).T)
        readout.squared.assign(COMPLEX.astype("float32"))
    return model
