"""From normalised signals to what a model is given."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sensorium_tf.data.buffers import select, stack_channels
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import DERIVED_IMAGES, PAST_RESPONSES, Input, InputSpec


@dataclasses.dataclass(frozen=True, eq=False)
class Signals:
    """Normalised signals of a mouse: of trials of images, or of the frames of a movie.

    Attributes:
        mouse: Name of the mouse, for messages.
        stimulus: Name of the stimulus, such as `image`.
        images: Its values, `(rows, height, width, channels)` float32 at the size of model images.
        context: Context signal to `(rows, columns)` float32; those that are withheld, or were not
            recorded, are absent.
        given: Context signal to how its values were transformed; what is not in it is as models are
            given it.
    """

    mouse: str
    stimulus: str
    images: np.ndarray
    context: Mapping[str, np.ndarray]
    given: Mapping[str, Input]

    def inputs(
        self,
        spec: InputSpec,
        index: slice | np.ndarray = slice(None),
        *,
        extras: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """Returns what a model is given.

        Args:
            spec: What the model takes.
            index: Of which rows.
            extras: Those that are not made of these signals.

        Raises:
            SensoriumError: If it needs signals that this mouse withholds or that were not recorded,
                or images of another size.
        """
        self.check(spec)
        images = select(self.images, index)

        def channels(signal: str) -> np.ndarray:
            if signal == self.stimulus:
                return images
            if signal in DERIVED_IMAGES:
                return DERIVED_IMAGES[signal].make(images)
            return self.signal(signal, spec)[index]

        made = extras or {}
        names = [each.signal for each in spec.extras]
        return {
            self.stimulus: stack_channels([channels(each.signal) for each in spec.channels]),
            **{n: made[n] if n in made else self.signal(n, spec)[index] for n in names},
        }

    def signal(self, name: str, spec: InputSpec) -> np.ndarray:
        """Returns a context signal as a model is given it, `(rows, columns)` float32.

        Args:
            name: Of the signal.
            spec: What the model takes.

        Raises:
            SensoriumError: If it is transformed by constants that the model does not know.
        """
        values, wanted, own = self.context[name], spec[name], self.given.get(name)
        if own is None or own.transform == wanted.transform:
            return values
        constants = spec.constants_of(self.mouse, name)
        return wanted.apply(own.invert(values, constants), constants)

    def check(self, spec: InputSpec) -> None:
        """Raises SensoriumError unless a model can be given these signals; see `inputs`."""
        there = (self.stimulus, *self.context)
        missing = [name for name in spec.recorded_signals if name not in there]
        if missing:
            raise SensoriumError(
                f"{self.mouse}: {' and '.join(missing)} withheld in this recording, or not "
                "recorded: use another track or other channels"
            )
        if self.images.shape[1:3] != spec.image_size:
            raise SensoriumError(
                f"{self.mouse}: its images are {_size(self.images.shape[1:3])} at the size of "
                f"models, the model is given images of {_size(spec.image_size)}: take the trials "
                f"of mouse.with_image_size({spec.image_size})"
            )
        for each in (*spec.channels, *spec.extras):
            if each.signal == PAST_RESPONSES:
                continue
            found = self.context.get(each.signal, self.images).shape[-1]
            if each.signal in DERIVED_IMAGES:
                found *= DERIVED_IMAGES[each.signal].channels
            if found != each.size:
                raise SensoriumError(
                    f"{self.mouse}: {each.signal} has {found} columns or channels, the model is "
                    f"given {each.size}"
                )


def _size(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
