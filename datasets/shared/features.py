"""The features of a trial, which follow from what a recording holds."""

import numpy as np
import tensorflow_datasets as tfds

from sensorium_tf.specs import RecordingSpec, SignalSpec


def features_of(spec: RecordingSpec) -> tfds.features.FeaturesDict:
    """Returns a feature for each signal, and what else is known of every trial.

    Args:
        spec: What the recording holds, every shape known but that of the response and time.
    """
    return tfds.features.FeaturesDict(
        {
            **{signal.name: _tensor(signal) for signal in spec.signals},
            f"{spec.stimulus.name}_id": tfds.features.Scalar(np.int64, doc="Repeats share it."),
            "trial_id": tfds.features.Text(doc="Number, or md5 where it is hidden."),
            "trial_index": tfds.features.Scalar(np.int64, doc="Number of its files."),
        }
    )


def _tensor(signal: SignalSpec) -> tfds.features.Tensor:
    # Raw bytes are written and read many times faster than lists of protobuf floats.
    return tfds.features.Tensor(
        # The recording decides how many neurons there are.
        shape=(None,) * len(signal.shape) if signal.role == "response" else signal.shape,
        dtype=np.float32,
        encoding=tfds.features.Encoding.BYTES,
        doc=signal.doc or None,
    )
