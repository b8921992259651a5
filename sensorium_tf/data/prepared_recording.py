"""What is known of a prepared recording, before anything is made of it."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from sensorium_tf.challenges import Challenge
from sensorium_tf.config import hint
from sensorium_tf.data.prepared_files import read_extremes
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import RESPONSE, RecordingSpec

#: The mouse that is made on the spot.
SIMULATED = "simulated"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PreparedRecording:
    """A prepared recording of one mouse.

    Attributes:
        name: Such as `mouse1`.
        session_key: Such as `26872-17-20`.
        spec: The signals of its recording, every shape known.
        tiers: The tiers it has, and the number of trials of each.
        neurons: Metadata of the neurons, name to `(neurons,)` array, `unit_ids` among them;
            `cell_motor_coordinates` is `(neurons, 3)` in micrometres.
        statistics: Signal to `{"mean", "std"}` over the training trials, raw units.
        response_scale: `(neurons,)`, what the responses are divided by: their std or, where that is
            smaller, 0.01 of its mean over all neurons of the recording.
        withheld_signals: Signals that are zeros because the competition hides them.
        withheld_tiers: Tiers whose responses are zeros for the same reason.
    """

    name: str
    session_key: str
    spec: RecordingSpec
    tiers: Mapping[str, int]
    neurons: Mapping[str, np.ndarray]
    statistics: Mapping[str, Mapping[str, np.ndarray]]
    response_scale: np.ndarray
    withheld_signals: tuple[str, ...]
    withheld_tiers: tuple[str, ...]
    _builder: tfds.core.DatasetBuilder = dataclasses.field(repr=False)
    # Which of the recording's neurons these are; None for all.
    _index: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def __repr__(self) -> str:
        trials = ", ".join(f"{number} {tier}" for tier, number in self.tiers.items())
        hidden = [*self.withheld_signals, *(f"responses of {t}" for t in self.withheld_tiers)]
        return (
            f"{self.name}: session {self.session_key}, {self.n_neurons} neurons, trials: {trials}"
            + (f"; withheld: {', '.join(hidden)}" if hidden else "")
        )

    @property
    def challenge(self) -> Challenge:
        """The benchmark whose recordings are like its own."""
        return self._builder.challenge

    @property
    def unit_ids(self) -> np.ndarray:
        """`(neurons,)` int64."""
        return self.neurons["unit_ids"]

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.unit_ids)

    @property
    def cell_motor_coordinates(self) -> np.ndarray:
        """`(neurons, 3)` in micrometres."""
        return self.neurons["cell_motor_coordinates"]

    @property
    def fingerprint(self) -> str:
        """Tells recordings apart: session, neurons and responses enter it."""
        content = hashlib.sha256(self.session_key.encode())
        content.update(self.unit_ids.astype(np.int64).tobytes())
        responses = self.statistics[RESPONSE]
        # Saved runs know some of a mouse's neurons by what their responses are divided by.
        std = responses["std"] if self._index is None else self.response_scale
        for value in (responses["mean"], std):
            content.update(value.astype(np.float64).tobytes())
        return content.hexdigest()[:16]

    @property
    def recording_id(self) -> str:
        """Tells recordings apart whatever the mouse is called and which neurons are chosen."""
        content = hashlib.sha256(self.session_key.encode())
        stimulus = self.spec.stimulus.name
        # Sessions that were simulated may share the key.
        for value in (self.statistics[stimulus][key] for key in ("mean", "std")):
            content.update(value.astype(np.float64).tobytes())
        return content.hexdigest()[:16]

    def check_tier(self, tier: str, *, responses: bool = False) -> None:
        """Raises SensoriumError if there is no such tier or, if asked, no responses to it."""
        known = self.challenge.tiers
        if tier not in known:
            raise SensoriumError(f"tier {tier!r}: {hint(tier, known)}")
        if not self.tiers.get(tier):
            raise SensoriumError(
                f"{self.name}: has no trials of tier {tier!r}, only {', '.join(self.tiers)}"
            )
        if responses and tier in self.withheld_tiers:
            raise SensoriumError(
                f"{self.name}: the responses of tier {tier!r} are withheld: use a tier whose "
                "responses are known, or submit and score with a ground-truth file"
            )

    @functools.cached_property
    def extremes(self) -> dict[str, dict[str, np.ndarray]]:
        """The `min` and `max` of each context signal over the training trials, raw units."""
        signals = [each.name for each in self.spec.context]
        tier = self.challenge.training_tier
        return read_extremes(self._builder, tier, signals, mouse=self.name)

    @property
    def data_path(self) -> Path:
        """Folder of the prepared dataset."""
        return Path(self._builder.data_path)

    @property
    def truth_file(self) -> Path | None:
        """True rates of the mouse `simulated`, for `evaluate`; None for every other one."""
        if self.name != SIMULATED:
            return None
        folder = self.data_path.parents[2] / "downloads" / f"{self._builder.name}_simulated"
        path = folder / f"{self.challenge.recording_stem(self.session_key)}_truth.npz"
        return path if path.exists() else None
