"""What makes rates of the core's features: the parts of one mouse."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from sensorium_tf.models.base import ModulatorBase, ReadoutBase, ShifterBase


@dataclasses.dataclass(frozen=True)
class MouseParts:
    """The parts of one mouse, which treat every image, or frame, by itself.

    Attributes:
        readout: From features to drives.
        nonlinearity: From drives to rates.
        shifter: From where the mouse looks to shifts; None without.
        modulator: What acts on the rates; None without.
    """

    readout: ReadoutBase
    nonlinearity: Callable
    shifter: ShifterBase | None = None
    modulator: ModulatorBase | None = None

    def rates(self, features: Any, signals: Mapping[str, Any], **training) -> Any:
        """Returns the rates `(batch, neurons)`.

        Args:
            features: The core's, or a list of its levels.
            signals: What the mouse's parts take, by name.
            **training: Whether it is in training.
        """
        shift = None
        if self.shifter is not None:
            shift = self.shifter(signals[self.shifter.signal])
        if isinstance(features, list) and not self.readout.takes_levels:
            features = features[-1]
        rates = self.nonlinearity(self.readout(features, shift=shift, **training))
        if self.modulator is None:
            return rates
        given = {name: signals[name] for name in self.modulator.inputs}
        return self.modulator(rates, given, **training)
