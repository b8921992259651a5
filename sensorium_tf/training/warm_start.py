"""The trained model that a run starts from, instead of random weights."""

import dataclasses
from collections.abc import Mapping, Sequence

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, copy_weights
from sensorium_tf.runs import Provenance, Run


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """A model to start from, and what is known of it.

    Attributes:
        path: Its file, as the user wrote it.
        model: What is in it.
        provenance: The signals and trials that it uses.
        fingerprints: Mouse to the fingerprint of the recording and neurons that it was trained on;
            empty for a lone file, which does not tell.
    """

    path: str
    model: FiringRateModel
    provenance: Provenance
    fingerprints: Mapping[str, str]

    def copy_to(self, model: FiringRateModel, mice: Sequence[Mouse]) -> tuple[str, ...]:
        """Copies the core, and the readouts of neurons that are known to be the same.

        Args:
            model: Of a run.
            mice: Those that it was built for.

        Returns:
            The mice whose readouts were copied.

        Raises:
            SensoriumError: If the cores differ.
        """
        same = [m.name for m in mice if m.fingerprint == self.fingerprints.get(m.name)]
        try:
            return copy_weights(self.model, model, same_neurons=same)
        except SensoriumError as e:
            raise SensoriumError(f"{self.path}: {e}") from e

    def describe(self, mice: Sequence[str], copied: Sequence[str]) -> str:
        """Returns in one line what a run takes from it.

        Args:
            mice: Of the run.
            copied: Those whose readouts were copied.
        """
        readouts = f" and the readout of {', '.join(copied)}" if copied else ""
        parts = [f"from {self.path}: the core{readouts}"]
        for mouse in mice:
            if mouse not in copied:
                why = "not known to be its neurons" if mouse in self.model.mice else "not in it"
                parts.append(f"new readout for {mouse} ({why})")
        return "; ".join(parts)


def open_start(path: str) -> WarmStart:
    """Opens the model file that a run starts from.

    Raises:
        SensoriumError: If there is none, or it is damaged or an ensemble.
    """
    run = Run.of_file(path)
    if not isinstance(run.model, FiringRateModel):
        raise SensoriumError(f"{path}: is an ensemble: start from one of its members")
    return WarmStart(
        path=path,
        model=run.model,
        provenance=run.provenance,
        fingerprints={} if run.record is None else run.record.recordings,
    )
