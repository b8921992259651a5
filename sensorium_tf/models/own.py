"""Models that a user builds: found by name, as the baselines are."""

import functools
import importlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.models.baselines import baseline
from sensorium_tf.models.firing_rate_model import (
    FiringRateModel,
    own_penalties,
    weight_penalties,
)
from sensorium_tf.models.settings import BASELINES, check_model_name
from sensorium_tf.tracks import image_shape


def model_builder(name: str) -> Callable[..., FiringRateModel]:
    """Returns what builds the models of this name.

    Args:
        name: `"cnn"`, `"ln"`, or `"package.module:function"`. The module is imported, so its code
            is run.

    Returns:
        A function `build(coordinates, *, track, settings, seed)` as `baseline` is without its
        name; what it returns is checked.

    Raises:
        SensoriumError: If there is no such baseline, module or function. The function it returns
            raises it if the model is not a `FiringRateModel` for the mice and the track's images.
    """
    check_model_name(name)
    if name in BASELINES:
        return functools.partial(baseline, name)
    module_name, _, function_name = name.partition(":")
    (module,) = import_modules([module_name])
    function = getattr(module, function_name, None)
    if not callable(function):
        raise SensoriumError(f"model {name}: the module has no function {function_name!r}")
    return functools.partial(_build, name, function)


def import_modules(names: Iterable[str]) -> list:
    """Imports modules, with the layers that they register for `keras.models.load_model`.

    Args:
        names: Such as `package.module`, installed or in the working directory, which is put at the
            end of Python's path.

    Raises:
        SensoriumError: If one cannot be imported.
    """
    modules = []
    for name in names:
        # A script's own folder is on the path, the working directory not, unless it is asked for.
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)
        # Else a module that has just been written, as in a notebook, may be missed.
        importlib.invalidate_caches()
        try:
            modules.append(importlib.import_module(name))
        except (Exception, SystemExit) as e:  # whatever a user's code raises
            raise SensoriumError(
                f"module {name!r} cannot be imported ({type(e).__name__}: {one_line(e)})"
            ) from e
    return modules


def _build(name, function, coordinates, *, track, settings, seed) -> FiringRateModel:
    try:
        model = function(coordinates, track=track, settings=settings, seed=seed)
    except SensoriumError:
        raise
    except (Exception, SystemExit) as e:  # whatever a user's code raises
        raise SensoriumError(
            f"model {name}: (coordinates, track=, settings=, seed=) raised {_what(e)}"
        ) from e
    if not isinstance(model, FiringRateModel):
        raise SensoriumError(
            f"model {name}: returned {type(model).__name__}, expected a FiringRateModel"
        )
    neurons = {mouse: len(places) for mouse, places in coordinates.items()}
    built = {mouse: readout.n_neurons for mouse, readout in model.readouts.items()}
    if list(built.items()) != list(neurons.items()):
        raise SensoriumError(
            f"model {name}: has readouts for neurons {built}, expected {neurons}, in this order"
        )
    if model.image_shape != image_shape(track):
        raise SensoriumError(
            f"model {name}: takes images of shape {model.image_shape}, expected "
            f"{image_shape(track)} for track {track}"
        )
    _check_call(name, model, track)
    _check_trace(name, model)
    _check_file(name, model)
    return model


def _check_call(name: str, model: FiringRateModel, track: str) -> None:
    """Calls a model once, so that what fails does so before any data are read."""
    # Noise: of a blank image a loss of the features' size may be zero.
    rng = np.random.default_rng(0)
    inputs = {"image": rng.normal(size=(2, *model.image_shape)).astype("float32")}
    if track == "sensorium_plus":
        inputs["pupil_center"] = rng.normal(size=(2, 2)).astype("float32")
    inputs = dict.fromkeys(model.mice, inputs)
    passes = [model.core] * len(model.mice)
    layers = [*passes, *model.readouts.values(), *model.shifters.values()]
    try:
        rates = model(inputs, training=False)
        losses = [model.losses, _losses_in_training(model, inputs)]
        penalties = own_penalties(layers) + weight_penalties(layers)
        paid = [each for layer in layers for each in _penalty_in_a_call(layer)]
        paid += weight_penalties(layers)
    except SensoriumError:
        raise
    except Exception as e:  # whatever a user's code raises
        raise SensoriumError(f"model {name}: a call raised {_what(e)}") from e
    for mouse, readout in model.readouts.items():
        if tuple(rates[mouse].shape) != (2, readout.n_neurons):
            raise SensoriumError(
                f"model {name}: gives {mouse} rates of shape {tuple(rates[mouse].shape)} for 2 "
                f"images, expected (2, {readout.n_neurons})"
            )
    for penalty in penalties:
        if tuple(penalty.shape):
            raise SensoriumError(
                f"model {name}: a penalty has shape {tuple(penalty.shape)}, expected a scalar"
            )
        if not np.isfinite(float(penalty)):
            raise SensoriumError(f"model {name}: a penalty is {float(penalty)}")
    if not all(_are_among(each, paid) for each in losses):
        raise SensoriumError(
            f"model {name}: a layer adds a loss that training would leave out: it pays what a "
            "method `penalty` of the core, a readout or a shifter gives and the regularizers of "
            "their weights, nothing else"
        )


def _check_trace(name: str, model: FiringRateModel) -> None:
    """Compiles a call in training for any number of images, which changes nothing of the model."""
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    signals = {"image": tf.TensorSpec((None, *model.image_shape))}
    if model.shifters:
        signals["pupil_center"] = tf.TensorSpec((None, 2))
    inputs = dict.fromkeys(model.mice, signals)
    try:
        call = tf.function(lambda batch: model(batch, training=True), autograph=False)
        shapes = call.get_concrete_function(inputs).output_shapes
    except SensoriumError:
        raise
    except Exception as e:  # whatever a user's code raises
        raise SensoriumError(f"model {name}: a compiled call in training raised {_what(e)}") from e
    for mouse, readout in model.readouts.items():
        if not shapes[mouse].is_compatible_with((1, readout.n_neurons)):
            raise SensoriumError(
                f"model {name}: in training gives {mouse} rates of shape {shapes[mouse]}, expected "
                f"(any number of images, {readout.n_neurons})"
            )


def _check_file(name: str, model: FiringRateModel) -> None:
    """Writes a model and reads it, so that what has been trained can be used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            again = keras.models.load_model(path, safe_mode=True, compile=False)
            same = type(again) is type(model) and all(
                np.array_equal(a, b)
                for a, b in zip(again.get_weights(), model.get_weights(), strict=True)
            )
        except Exception as e:  # Keras raises many kinds of error
            # Around what went wrong Keras wraps the whole configuration.
            what = one_line(str(e).rpartition("Exception encountered: ")[2])
            raise SensoriumError(
                f"model {name}: cannot be saved and loaded again ({what[:300]}): register its "
                "classes (keras.saving.register_keras_serializable) and give their get_config "
                "every argument"
            ) from e
    if not same:
        raise SensoriumError(f"model {name}: is another one when it is saved and loaded again")


def _what(error: BaseException) -> str:
    """Returns the kind of an error and what it says, without the arguments that Keras lists."""
    said, _, _ = one_line(error).partition(" Arguments received by ")
    return f"{type(error).__name__}: {said}"


def _losses_in_training(model: FiringRateModel, inputs: dict) -> list:
    """Returns the losses of a call in training, which changes nothing of the model."""
    *_, losses = model.stateless_call(
        model.trainable_variables,
        model.non_trainable_variables,
        inputs,
        training=True,
        return_losses=True,
    )
    return losses


def _penalty_in_a_call(layer) -> list:
    """Returns the layer's own penalty as its call computes it, under mixed precision too."""
    if not hasattr(layer, "penalty"):
        return []
    return [keras.layers.Lambda(lambda _: layer.penalty(), dtype=layer.dtype_policy)(np.zeros(1))]


def _are_among(losses: list, paid: list) -> bool:
    """Tells whether each loss is one of those that are paid, by its value."""
    left = np.array([float(each) for each in paid])
    for loss in losses:
        if tuple(loss.shape):
            return False
        # A call may be compiled, and then rounds half precision in its own way.
        same = np.flatnonzero(np.isclose(left, float(loss), rtol=0.01, equal_nan=True))
        if not same.size:
            return False
        left = np.delete(left, same[np.argmin(np.abs(left[same] - float(loss)))])
    return True
