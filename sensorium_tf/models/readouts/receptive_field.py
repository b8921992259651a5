"""A readout whose neurons each have a Gabor filter of the image: simple and complex cells."""

import math

import keras
import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.bilinear import sample_bilinear
from sensorium_tf.models.ops.field_map import map_fields, smooth_map
from sensorium_tf.models.ops.gabor import check_wavelengths
from sensorium_tf.models.ops.gabor_fields import GaborFields
from sensorium_tf.models.ops.masks import grid
from sensorium_tf.models.positions import ReadoutInCortex
from sensorium_tf.registry import READOUTS

# A place of 1, where the map spans [-1, 1]: a step of Adam moves one by the learning rate, which is
# to be a small part of a pixel.
_PLACE = 0.1
# Wavelength in pixels, and the window's width as a share of it, of a shape of zeros.
_WAVELENGTH, _WIDTH = 10.0, 0.43
# Share of the division by each contrast at the start.
_DIVISION = 0.13
# What keeps the slope of a root finite at zero.
_SMALL = 1e-4
# How the weights of the map's cells are found: the penalty on their squares, and the slope of an
# output nonlinearity such as softplus at small rates.
_RIDGE, _SLOPE = 0.3, 0.5
# Cells that a neuron weighs.
_N_CELLS = 6
# Trials whose cells are computed at once.
_AT_ONCE = 128


@READOUTS.register("receptive_field")
class ReceptiveFieldReadout(ReadoutInCortex):
    """Every neuron filters the image itself, as simple and complex cells do.

    For the core `contrast`. A neuron has a Gabor filter with a place, a direction, a phase, a
    wavelength and the width of its round window, of which a second one is a quarter of a wave
    later; a and b are their responses, `e = sqrt(a^2 + b^2)`, and e' is the same of filters at
    right angles. The drive is

    `(w1 [a]+ + w2 [-a]+ + w3 e + w4 sqrt(e e') + w5 [s]+ + w6 [-s]+) / sqrt(1 + sum_k exp(d_k) c_k)
    + sum_c u_c f_c + bias`,

    where s is the image under the filter's window less that under one of twice its width (a centre
    and its surround), c_k are the contrasts at the neuron's place, and f_c the other channels
    there, the roots of the contrasts among them. Of an image alone these are 17 numbers a neuron:
    little to be learned from few noisy trials. A shift by the eye moves all places.

    Training starts from a map of the receptive fields: `set_receptive_fields` finds the filter that
    goes best with each neuron's responses, among those of all places, directions and `wavelengths`;
    then a smooth map from cortex to the places that were found, and the filter again, as places
    near to that map are likely.
    Sources: Jones and Palmer 1987, J. Neurophysiol. 58:1233 (Gabor filters); Adelson and Bergen
    1985, J. Opt. Soc. Am. A 2:284 (energy); Sillito et al. 1995, Nature 378:492 (cells that want
    two orientations at once); Rodieck 1965, Vision Res. 5:583 (centre and surround); Heeger 1992,
    Vis. Neurosci. 9:181 (division).

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's: the image in the first channel,
            contrasts in the last ones.
        shift: `(batch, 2)` shift of all places, or `None`.
        training: Not used.

    Returns:
        `(batch, n_neurons)`, each neuron's drive.

    Raises:
        SensoriumError: If an argument is out of its range; in a model, if the core is another one.
    """

    class Config(config.Config):
        """Settings of the readout."""

        wavelengths: tuple[int, ...] = setting(
            (6, 7, 8, 10, 12, 14, 17, 21), "Wavelengths that the map tries, in pixels."
        )
        feature_penalty: float = setting(
            0.0, "Strength of the L1 penalty on the weights of cells and channels.", at_least=0
        )
        n_contrasts: int = setting(
            2, "Contrasts in the core's map; a model takes its core's.", at_least=1
        )

        def __post_init__(self):
            super().__post_init__()
            check_wavelengths(self.wavelengths)

    penalty_label = "features"
    training_options = ("wavelengths", "feature_penalty")
    takes_shift = True
    maps_fields = True

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        # Sampling uses an operation that XLA has no kernel for.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.n_contrasts = self.config.n_contrasts
        # Filters stay in full precision under mixed precision: phases would be rounded.
        self.autocast = False

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        _, height, width, channels = input_shape
        self.map_size = (height, width)
        n_contrasts = self.n_contrasts
        if channels <= n_contrasts:
            raise SensoriumError(
                f"{self.name}: {channels} channels are not an image and {n_contrasts} contrasts"
            )
        place_seed, direction_seed = self.seeds(2)
        uniform = keras.initializers.RandomUniform

        def weight(name, shape=(), start="zeros"):
            shape = (self.n_neurons, *shape)
            return self.add_weight(name=name, shape=shape, initializer=start, autocast=False)

        self.places = weight("places", (2,), uniform(-5.0, 5.0, seed=place_seed))
        self.directions = weight("directions", (), uniform(0.0, math.pi, seed=direction_seed))
        self.phases = weight("phases")
        self.log_wavelengths = weight("log_wavelengths")
        self.log_widths = weight("log_widths")
        self.build_coordinates()
        self.cells = weight("cells", (_N_CELLS,), keras.initializers.Constant(0.1))
        self.others = weight("others", (channels - 1,))
        start = keras.initializers.Constant(math.log(_DIVISION))
        self.division = weight("division", (n_contrasts,), start)
        self.bias = weight("bias")

    def positions(self):
        """Returns where the neurons look, `(n_neurons, 2)` as (x, y) in [-1, 1] over the map."""
        return _PLACE * ops.convert_to_tensor(self.places)

    def _filters(self) -> GaborFields:
        """Returns the neurons' filters."""
        height, width = self.map_size
        places = (self.positions() + 1) / 2
        wavelength = _WAVELENGTH * ops.exp(ops.convert_to_tensor(self.log_wavelengths))
        return GaborFields(
            x=places[:, 0] * (width - 1),
            y=places[:, 1] * (height - 1),
            direction=ops.convert_to_tensor(self.directions),
            phase=ops.convert_to_tensor(self.phases),
            wavelength=wavelength,
            width=_WIDTH * wavelength * ops.exp(ops.convert_to_tensor(self.log_widths)),
        )

    def cell_responses(self, images):
        """Returns the responses of the cells, `(batch, n_neurons, 6)`.

        Args:
            images: `(batch, height, width)`.
        """
        found = self._filters().responses(images)
        energy, across = _root(found.first, found.later), _root(*found.across)
        simple, center = ([ops.relu(each), ops.relu(-each)] for each in (found.first, found.center))
        return ops.stack([*simple, energy, ops.sqrt(energy * across), *center], axis=-1)

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off images and contrasts."""
        full = self.variable_dtype
        features = ops.cast(features, full)
        images, positions = features[..., 0], self.positions()[None]
        if shift is not None:
            shift = ops.cast(shift, full)[:, None]
            images = _moved(images, shift)
            positions = positions + shift
        there = sample_bilinear(features, positions)[..., 1:]
        others, contrasts = there[..., : -self.n_contrasts], there[..., -self.n_contrasts :]
        contrasts = ops.relu(contrasts)
        drives = ops.sum(self.cell_responses(images) * self.cells, axis=-1)
        division = ops.exp(ops.convert_to_tensor(self.division))
        drives = drives * ops.rsqrt(1 + ops.sum(division * contrasts, axis=-1))
        others = ops.concatenate([others, ops.sqrt(contrasts + _SMALL)], axis=-1)
        drives = drives + ops.sum(others * self.others, axis=-1) + self.bias
        return ops.cast(drives, self.compute_dtype)

    def set_receptive_fields(self, images, responses):
        """Makes training start from a map of the receptive fields.

        The weights of the cells are those of a linear regression of the roots of the responses,
        lest few large ones decide, for an output nonlinearity such as softplus and without the
        division by contrast; the bias falls by the mean of what they give.

        Args:
            images: `(trials, height, width)`.
            responses: `(trials, n_neurons)`, 0 or more.
        """
        height, width = self.map_size
        goals = np.sqrt(np.maximum(responses, 0.0))
        goals = goals - goals.mean(axis=0)
        wavelengths = self.config.wavelengths
        # Where the fields are, a quarter of the filters tell nearly as well.
        rough = map_fields(images, goals, wavelengths[::2], n_directions=6)
        expected = smooth_map(ops.convert_to_numpy(self.coordinates), rough)
        found = map_fields(images, goals, wavelengths, expected=expected)
        places = np.stack([found.x / (width - 1), found.y / (height - 1)], axis=-1) * 2 - 1
        self.places.assign(places / _PLACE)
        self.directions.assign(found.direction)
        self.phases.assign(found.phase)
        self.log_wavelengths.assign(np.log(found.wavelength / _WAVELENGTH))
        weights, means = self._regress(images, goals)
        self.cells.assign(weights / _SLOPE)
        self.bias.assign(ops.convert_to_numpy(self.bias) - means / _SLOPE)

    def _regress(self, images, goals):
        """Returns weights of the cells, and the mean of what these give.

        Args:
            images: `(trials, height, width)`.
            goals: `(trials, n_neurons)`, of mean 0.
        """
        n_trials, squares, products, means = len(images), 0.0, 0.0, 0.0
        for start in range(0, n_trials, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            cells = self.cell_responses(ops.convert_to_tensor(images[part]))
            cells = ops.convert_to_numpy(cells)
            means = means + cells.sum(axis=0) / n_trials
            squares = squares + np.einsum("tni,tnj->nij", cells, cells) / n_trials
            products = products + np.einsum("tni,tn->ni", cells, goals[part]) / n_trials
        squares = squares - means[:, :, None] * means[:, None, :]
        spreads = np.sqrt(np.maximum(np.einsum("nii->ni", squares), 0.0)) + _SMALL
        squares = squares / (spreads[:, :, None] * spreads[:, None, :])
        ridge = _RIDGE * np.eye(squares.shape[-1])
        weights = np.linalg.solve(squares + ridge, (products / spreads)[..., None])[..., 0]
        weights = weights / spreads
        return weights, (means * weights).sum(axis=1)

    def penalty(self):
        """Returns the L1 penalty of one pass, weighted as in the loss (a scalar)."""
        sizes = [ops.sum(ops.abs(ops.convert_to_tensor(w))) for w in (self.cells, self.others)]
        return self.config.feature_penalty * sum(sizes)


def _root(even, odd):
    """Returns the root of the energy of two filters a quarter of a wave apart."""
    return ops.sqrt(ops.square(even) + ops.square(odd) + _SMALL)


def _moved(images, shift):
    """Returns images `(batch, height, width)` as seen by an eye that has moved by `shift`."""
    _, height, width = images.shape
    moved = sample_bilinear(images[..., None], grid((height, width))[None] + shift)
    return ops.reshape(moved, (-1, height, width))
