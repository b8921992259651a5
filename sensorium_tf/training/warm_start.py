"""The weights that a run starts from: a trained model's, and its neurons' mean responses."""

import dataclasses
from collections.abc import Mapping, Sequence

from sensorium_tf.data import Mouse, Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, copy_weights
from sensorium_tf.registry import custom_code
from sensorium_tf.runs import Provenance, Run


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What a run has taken from a trained model; by default nothing.

    Attributes:
        provenance: The signals and trials that the trained model uses.
        copied: The mice whose readouts were taken, as their neurons are known to be the same.
        description: All that was taken, in one line.
    """

    provenance: Provenance | None = None
    copied: tuple[str, ...] = ()
    description: str = ""


def warm_start(path: str | None, model: FiringRateModel, mice: Sequence[Mouse]) -> WarmStart:
    """Copies the core of a trained model, and the readouts of neurons known to be the same.

    Args:
        path: Its file, as the user wrote it; None takes nothing.
        model: Of a run.
        mice: Those that it was built for.

    Raises:
        SensoriumError: If there is no such file, it is damaged or an ensemble, or the cores differ.
    """
    if path is None:
        return WarmStart()
    run = Run.of_file(path)
    if not isinstance(run.model, FiringRateModel):
        raise SensoriumError(f"{path}: is an ensemble: start from one of its members")
    # A lone file does not tell which recordings it was trained on.
    known = {} if run.record is None else run.record.recordings
    same = [mouse.name for mouse in mice if mouse.fingerprint == known.get(mouse.name)]
    try:
        copied = copy_weights(run.model, model, same_neurons=same)
    except SensoriumError as e:
        raise SensoriumError(f"{path}: {e}") from e
    readouts = f" and the readout of {', '.join(copied)}" if copied else ""
    parts = [f"from {path}: the core{readouts}"]
    for mouse in model.mice:
        if mouse not in copied:
            why = "not known to be its neurons" if mouse in run.model.mice else "not in it"
            parts.append(f"new readout for {mouse} ({why})")
    return WarmStart(run.provenance, copied, "; ".join(parts))


def start_at_means(model: FiringRateModel, trials: Mapping[str, Trials]) -> None:
    """Makes each neuron's rate start at its mean response.

    Args:
        model: Untrained.
        trials: Mouse to the trials to train on; other mice are left alone.

    Raises:
        SensoriumError: If a custom readout fails at it.
    """
    for mouse, each in trials.items():
        with custom_code(f"readout of {mouse}: set_mean_drives"):
            model.set_mean_rates(mouse, each.mean_responses())
