"""The trained model that a run starts from, instead of random weights."""

import dataclasses
from collections.abc import Mapping, Sequence

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, copy_weights
from sensorium_tf.training.trained import open_model_file
from sensorium_tf.training.uses import Uses


@dataclasses.dataclass(frozen=True)
class Start:
    """A model to start from, and what is known of it.

    Attributes:
      path: its file, as the user wrote it.
      model: what is in it.
      uses: the signals and trials that it uses.
      fingerprints: mouse to the fingerprint of the recording and neurons that it was trained on;
        empty for a lone file, which does not tell.
    """

    path: str
    model: FiringRateModel
    uses: Uses
    fingerprints: Mapping[str, str]

    def copy_to(self, model: FiringRateModel, mice: Sequence[Mouse]) -> tuple[str, ...]:
        """Copies the core, and the readouts of neurons that are known to be the same.

        Args:
          model: of a run.
          mice: those that it was built for.

        Returns:
          The mice whose readouts were copied.

        Raises:
          SensoriumError: if the cores differ.
        """
        same = [m.name for m in mice if m.fingerprint == self.fingerprints.get(m.name)]
        try:
            return copy_weights(self.model, model, same_neurons=same)
        except SensoriumError as e:
            raise SensoriumError(f"{self.path}: {e}") from e


def open_start(path: str) -> Start:
    """Opens the model file that a run starts from.

    Raises:
      SensoriumError: if there is none, or it is damaged or an ensemble.
    """
    trained = open_model_file(path)
    if not isinstance(trained.model, FiringRateModel):
        raise SensoriumError(f"{path}: is an ensemble: start from one of its members")
    run = trained.workdir
    return Start(
        path=path,
        model=trained.model,
        uses=trained.uses,
        fingerprints={} if run is None else run.fingerprints(),
    )
