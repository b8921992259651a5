"""Every part of this package keeps the contract, and a part that does not is told why."""

import keras
import numpy as np
import pytest
from keras import ops
from small_models import MeanReadout, OneLayerCore

from sensorium_tf import SensoriumError, models, testing
from sensorium_tf.models import CoreBase, ShifterBase
from sensorium_tf.registry import CORES, MODULATORS, NONLINEARITIES, READOUTS, SHIFTERS

CHECKS = {
    "core": (CORES, testing.check_core),
    "readout": (READOUTS, testing.check_readout),
    "shifter": (SHIFTERS, testing.check_shifter),
    "modulator": (MODULATORS, testing.check_modulator),
    "nonlinearity": (NONLINEARITIES, testing.check_nonlinearity),
}
# Cores in their full size would take minutes, and those on every backend, too: there
# tests/models/test_core_backends.py compares them.
SMALL = {
    "factorised_3d": "factorised_3d(channels=[3, 2], spatial_kernels=[5, 3], "
    "temporal_kernels=[3, 2])",
    "gru": "gru(core='sensorium(hidden_channels=3, n_blocks=1)', channels=2, kernel=3)",
    "inverted_residual_3d": "inverted_residual_3d(channels=[4, 6], strides=[2, 1], expansion=2, "
    "cortex=[8])",
    "inverted_residual": "inverted_residual(channels=3, n_blocks=1)",
    "learned_stem": "learned_stem(patch_channels=2, channels=[3, 4])",
    "contrast": "contrast(wavelengths=[3, 6], pools=[3, 9])",
    "gabor": "gabor(wavelengths=[3, 6], n_rotations=4, channels=2, n_blocks=1, dropout=0.1)",
    "residual": "residual(channels=3, n_blocks=1, stride=2)",
    "rotation_equivariant": "rotation_equivariant(n_rotations=4, channels=2, n_blocks=1)",
    "scattering": "scattering(channels=3, n_angles=2, n_blocks=1, dropout=0.1)",
    "temporal_residual": "temporal_residual(core='sensorium(hidden_channels=3, n_blocks=1)')",
    "v1t": "v1t(channels=4, heads=2, depth=1, hidden=4, stride=8)",
    "vit": "vit(channels=4, heads=2, depth=1, hidden=4, stride=8, dropout=0.1, drop_path=0.1)",
}
OURS = [
    pytest.param(kind, SMALL[name], id=f"small-{name}") if name in SMALL else (kind, name)
    for kind, (registry, _) in CHECKS.items()
    for name in registry.names()
    if registry[name].__module__.startswith("sensorium_tf.")
]
# Besides the defaults: every branch of a part.
OTHERS = [
    ("core", "sensorium(hidden_channels=6, activation=linear, n_blocks=0, input_kernel=4)"),
    ("core", "sensorium(hidden_channels=3, n_blocks=1)"),
    (
        "core",
        "sensorium(hidden_channels=3, n_blocks=1, depth_separable=false, squeeze_excite=2, "
        "dropout=0.1)",
    ),
    (
        "core",
        "factorised_3d(channels=[2], spatial_kernels=[3], temporal_kernels=[2], pad_past=true)",
    ),
    ("readout", "gaussian(positions=free, covariance=isotropic)"),
    ("readout", "gaussian(covariance=uncorrelated, hidden_units=3)"),
    ("readout", "attention(positions=free, keys=0)"),
    ("readout", "gaussian(positions=scattered)"),
    ("readout", "multi_level_gaussian(levels=2)"),
    ("readout", "oriented(terms=2)"),
    ("readout", "receptive_field(n_contrasts=1, feature_penalty=0.1)"),
    ("shifter", "mlp(n_layers=1)"),
    ("modulator", "history(hidden_units=0)"),
]


@pytest.mark.parametrize(("kind", "text"), [*OURS, *OTHERS])
def test_the_parts_of_this_package_keep_the_contract(kind, text):
    CHECKS[kind][1](text)


def test_the_smallest_parts_keep_it_too():
    testing.check_core(Seeded(channels=3, seed=2))
    testing.check_readout(SeededReadout(7))


class Seeded(OneLayerCore):
    """Weights by the seed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        (seed,) = self.seeds(1)
        uniform = keras.initializers.GlorotUniform(seed=seed)
        self.conv = keras.layers.Conv2D(self.config.channels, 9, kernel_initializer=uniform)


class SeededReadout(MeanReadout):
    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        (seed,) = self.seeds(1)
        uniform = keras.initializers.GlorotUniform(seed=seed)
        self.dense = keras.layers.Dense(n_neurons, kernel_initializer=uniform)


class Forgetting(Seeded):
    """A constructor's argument that no configuration holds."""

    def __init__(self, *, width=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width


class Fixed(Seeded):
    """For one size of images alone."""

    def call(self, images, training=None):
        return ops.reshape(super().call(images), (-1, 28, 56, self.config.channels))


class OneByOne(Seeded):
    """A batch of one loses its axis."""

    def call(self, images, training=None):
        features = super().call(images)
        return features[0] if features.shape[0] == 1 else features


class Flat(Seeded):
    def call(self, images, training=None):
        return ops.mean(super().call(images), axis=(1, 2))


class Infinite(Seeded):
    def call(self, images, training=None):
        return super().call(images) / 0.0


class HalfAlone(Seeded):
    """Not under mixed precision."""

    def call(self, images, training=None):
        features = super().call(images)
        if keras.backend.standardize_dtype(features.dtype) != "float32":
            raise TypeError("only float32")
        return features


class Unnamed(CoreBase):
    """Without a call."""


class Untold(Seeded):
    """With weights of which nobody is told."""

    is_trained = False


class Registered(ShifterBase):
    """Of another kind than it is registered as."""

    def call(self, pupil_center):
        return pupil_center


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (OneLayerCore(), "two with the same seed have different weights: give each initializer"),
        (Forgetting(), "get_config does not hold the argument width: declare it in Config"),
        (Fixed(), "call raised|gives shape"),
        (OneByOne(), r"gives (features of )?shape \(28, 56, 2\)"),
        (Flat(), r"gives features of shape \(3, 2\), expected \(batch, rows, columns, channels\)"),
        (Infinite(), "gives values that are infinite or NaN"),
        (HalfAlone(), "raised TypeError: .*only float32"),
        (Unnamed(), "needs a method call"),
        (Untold(), "has some trainable weights, but is_trained is False"),
        (Registered(), "expected a CoreBase"),
        (models.MLPShifter, "expected a CoreBase"),
    ],
)
def test_a_core_that_breaks_the_contract_is_told_why_in_one_line(core, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        testing.check_core(core)
    assert "\n" not in str(caught.value)


def test_a_core_that_there_is_not_is_refused():
    with pytest.raises(SensoriumError, match="no_such_core: no such core"):
        testing.check_core("no_such_core")


def test_hooks_of_a_readout_are_tried():
    class Failing(SeededReadout):
        def set_mean_drives(self, means):
            return 1 / 0

    with pytest.raises(SensoriumError, match="set_mean_drives raised ZeroDivisionError"):
        testing.check_readout(Failing(3))

    class Odd(SeededReadout):
        def positions(self):
            return np.zeros(3)

    with pytest.raises(SensoriumError, match=r"positions gives shape \(3,\), expected \(3, 2\)"):
        testing.check_readout(Odd(3))


def test_a_modulator_of_negative_rates_is_refused():
    class Negative(models.GainModulator):
        def call(self, rates, signals, training=None):
            return super().call(rates, signals) - 10.0

    with pytest.raises(SensoriumError, match="gives negative rates"):
        testing.check_modulator(Negative(3))


def test_a_part_is_built_once_however_often_it_is_asked_to_be():
    core = Seeded()
    for _ in range(2):
        core.build((None, 20, 20, 1))
    assert len(core.weights) == 2


def test_options_have_types_that_are_checked():
    core = models.SensoriumCore(hidden_channels=np.int64(3))
    assert type(core.config.hidden_channels) is int
    with pytest.raises(SensoriumError, match="hidden_channels 2.5: expected a whole number"):
        models.SensoriumCore(hidden_channels=2.5)


def test_options_may_be_annotated_in_text():
    from sensorium_tf.config import setting

    class Annotated(Seeded):
        class Config(Seeded.Config):
            channels: "int" = setting(3, "Of the features.")

    assert Annotated(channels=2).config.channels == 2
    with pytest.raises(SensoriumError, match="channels 'two': expected a whole number"):
        Annotated(channels="two")


def test_an_option_cannot_take_the_name_of_what_every_part_has():
    from sensorium_tf import config
    from sensorium_tf.config import setting

    with pytest.raises(SensoriumError, match="an option cannot be called seed"):

        class Clashing(CoreBase):
            class Config(config.Config):
                seed: int = setting(3, "Another seed.")


def test_keras_finds_a_part_by_the_package_of_its_module():
    assert keras.saving.get_registered_name(Seeded) == f"{__name__.partition('.')[0]}>Seeded"
    assert keras.saving.get_registered_name(models.SensoriumCore) == "sensorium_tf>SensoriumCore"


def test_a_core_asks_for_signals_by_its_call_alone():
    class Moved(CoreBase):
        inputs = ("behavior",)

        def __init__(self, **options):
            super().__init__(**options)
            first, second = map(keras.initializers.GlorotNormal, self.seeds(2))
            self.stem = keras.layers.Conv2D(2, 3, kernel_initializer=first)
            self.state = keras.layers.Dense(2, kernel_initializer=second)

        def call(self, images, signals, training=None):
            return self.stem(images) + self.state(signals["behavior"])[:, None, None]

    testing.check_core(Moved(seed=0))
