"""One of the signals that a model is given."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from sensorium_tf.specs.recording import PAST_RESPONSES
from sensorium_tf.specs.transforms import TRANSFORMS


@dataclasses.dataclass(frozen=True)
class Input:
    """One signal as a model is given it.

    Attributes:
        signal: `image` or `video`, `centred_image` (the image less its own mean), `sobel_image`
            (its horizontal and vertical gradient), a context signal, or `past_responses` (what each
            neuron did in earlier trials).
        size: Channels, or columns; of past responses, for each neuron.
        transform: What becomes of the recorded values: `standardize` (less their mean, divided by
            their standard deviation), `scale` (divided by it), `range` (so that they lie in 0 to
            1), `maximum` (divided by their largest absolute value), `centre` (standardised, then
            less each image's own mean), `sobel` (standardised, then gradients) or `none`.
    """

    signal: str
    size: int
    transform: str

    def shape(self, n_neurons: int | None) -> tuple[int | None, ...]:
        """Returns the shape of the signal beside the stimulus, of one trial or frame.

        Args:
            n_neurons: Of the mouse.
        """
        return (n_neurons, self.size) if self.signal == PAST_RESPONSES else (self.size,)

    def apply(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns recorded values as a model is given them, float32.

        Args:
            values: Of the signal, in its recorded units; images at the models' size.
            constants: `mean` and `std` over the recording's training trials, scalars or one a
                column, and `min` and `max` if the transform is made of these. A standard deviation
                of zero counts as one.
        """
        return TRANSFORMS[self.transform].apply(values, constants)

    def invert(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns what `apply` was given, from what it returned.

        Args:
            values: As a model is given them.
            constants: As of `apply`.

        Raises:
            SensoriumError: If there is no way back, as from `centred_image`.
        """
        return TRANSFORMS[self.transform].invert(values, constants)
