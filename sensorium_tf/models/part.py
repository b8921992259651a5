"""What every part of a model is: a layer that is made of its settings."""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.seeds import spawn_seeds
from sensorium_tf.registry import custom_code

# What every part is given besides its own settings.
_RESERVED = ("n_neurons", "seed", "name", "dtype", "trainable")


def _as_settings(part: type) -> type[config.Config]:
    """Returns the settings that a part declares, as the frozen dataclass that they are."""
    made = part.__dict__["Config"]
    if not (isinstance(made, type) and issubclass(made, config.Config)):
        raise SensoriumError(f"{part.__name__}.Config: expected a subclass of config.Config")
    if "__dataclass_fields__" not in made.__dict__:
        made = dataclasses.dataclass(frozen=True, kw_only=True)(made)
    for field in dataclasses.fields(made):
        if field.name in _RESERVED:
            raise SensoriumError(f"{part.__name__}: an option cannot be called {field.name}")
        if isinstance(field.type, str):  # from __future__ import annotations
            field.type = typing.get_type_hints(made)[field.name]
    return made


def _once(build: Callable) -> Callable:
    """Makes weights once, however often a part is built."""

    @functools.wraps(build)
    def build_once(self, *args, **kwargs):
        if not self.built:
            build(self, *args, **kwargs)

    return build_once


class PartBase(keras.layers.Layer):
    """A part of a model: a Keras layer whose arguments are the settings of its `Config`.

    A subclass says what is its own: a nested `Config`, a `call` and, where it pays for its weights,
    a `penalty`. The rest follows. `Config` becomes a frozen dataclass, its settings are the
    constructor's arguments and are checked there, `get_config` holds all of them, and Keras finds
    the class when it loads a file (as `package>Class`, where the package is the first component of
    the module's name).

    Args:
        seed: Seed of the initial weights and of what is drawn in training; `None` draws them anew
            each time.
        name: Name of the layer.
        dtype: Keras dtype policy; the global one by default.
        trainable: Whether training changes its weights.
        **options: The settings of `Config`.

    Attributes:
        config: The settings.

    Raises:
        SensoriumError: If there is no such setting, or a value is not possible.
    """

    class Config(config.Config):
        """Settings of the part: none of its own, unless a subclass has some."""

    #: Under which a model lists the part's penalty, and `metrics.jsonl` as `loss/<label>`.
    penalty_label: ClassVar[str] = "part"
    #: Settings that change nothing of what is computed from the same weights, such as penalties.
    training_options: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "Config" in cls.__dict__:
            cls.Config = _as_settings(cls)
        if "build" in cls.__dict__:
            cls.build = _once(cls.build)
        keras.saving.register_keras_serializable(package=cls.__module__.partition(".")[0])(cls)

    def __init__(
        self,
        *,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **options: Any,
    ):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        try:
            if seed is not None and not (type(seed) is int and seed >= 0):
                raise SensoriumError(f"seed {seed!r}: expected a whole number of at least 0")
            known = [field.name for field in dataclasses.fields(self.Config)]
            config.check_names(options, known, "option")
            self.config = self.Config(**options)
        except SensoriumError as e:
            raise SensoriumError(f"{type(self).__name__}: {e}") from e
        self.seed = seed

    def seeds(self, number: int) -> list[int | None]:
        """Returns independent seeds, for the initializers of the part's weights."""
        return spawn_seeds(self.seed, number)

    def build(self, input_shape):
        """Makes all weights, by a symbolic call unless a subclass makes them itself.

        Args:
            input_shape: Of the call's first argument.
        """
        self._trace(keras.KerasTensor(input_shape))

    def _trace(self, *symbols):
        """Calls the part symbolically; returns what stands for its result."""
        with custom_code(f"{type(self).__name__}: its call"):
            return keras.Operation.compute_output_spec(self, *symbols)

    def penalty(self):
        """Returns what a pass of the part pays besides the loss, a scalar; nothing by default.

        Regularizers of its weights are paid besides, once a step. There is no other way: a part
        cannot `add_loss`.
        """
        return ops.zeros(())

    def add_loss(self, loss):
        """Refuses: what is paid is known to the model by `penalty` alone."""
        raise SensoriumError(
            f"{type(self).__name__}: add_loss is not paid in training: return the loss from the "
            "method penalty instead"
        )

    @property
    def pays(self) -> bool:
        """Whether the part pays anything: by its method `penalty`, or a regularizer."""
        if type(self).penalty is not PartBase.penalty:
            return True
        return any(weight.regularizer is not None for weight in self.weights)

    def get_config(self) -> dict[str, Any]:
        """Returns all that the constructor was given."""
        return {**super().get_config(), "seed": self.seed, **self.config.to_json()}


class PartOfNeurons(PartBase):
    """A part of the neurons of one mouse."""

    def __init__(self, n_neurons: int, **kwargs: Any):
        if not (type(n_neurons) is int and n_neurons >= 1):
            raise SensoriumError(
                f"{type(self).__name__}: n_neurons {n_neurons!r}: expected a whole number of at "
                "least 1"
            )
        super().__init__(**kwargs)
        self.n_neurons = n_neurons

    def compute_output_shape(self, input_shape, *_, **__):
        """Returns `(batch, n_neurons)`."""
        return (input_shape[0], self.n_neurons)

    def get_config(self) -> dict[str, Any]:
        """Returns all that the constructor was given."""
        return {**super().get_config(), "n_neurons": self.n_neurons}
