"""Whether what is saved is what is loaded."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

from sensorium_tf.errors import SensoriumError, one_line


def saved_and_loaded(name: str, model: keras.Model, inputs) -> keras.Model:
    """Writes a model and returns the one that is read from the file.

    Args:
        name: Of what is checked, for messages.
        model: Built.
        inputs: What both are called with, to compare what they compute.

    Raises:
        SensoriumError: If it cannot be saved or loaded, or another model is loaded.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            again = keras.models.load_model(path, safe_mode=True, compile=False)
        except Exception as e:  # Keras raises many kinds of error
            # Around what went wrong Keras wraps the whole configuration.
            what = one_line(str(e).rpartition("Exception encountered: ")[2])
            raise SensoriumError(
                f"{name}: cannot be saved and loaded again ({what[:300]}): declare its options in "
                "Config, and register the Keras layers in it that are custom ones "
                "(keras.saving.register_keras_serializable)"
            ) from e
    same = type(again) is type(model) and equal(again.get_weights(), model.get_weights())
    if not same or not equal(*map(_values, (again(inputs), model(inputs)))):
        raise SensoriumError(f"{name}: is another one when it is saved and loaded again")
    return again


def equal(ours, theirs) -> bool:
    """Tells whether two lists of arrays are equal, NaNs included."""
    return len(ours) == len(theirs) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, theirs, strict=True)
    )


def _values(outputs) -> list[np.ndarray]:
    return [ops.convert_to_numpy(ops.cast(each, "float32")) for each in keras.tree.flatten(outputs)]
