"""What `config.json` says of a run: written when it begins, never changed."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sensorium_tf.errors import SensoriumError
from sensorium_tf.registry import custom_modules, record_modules
from sensorium_tf.runs.provenance import Provenance
from sensorium_tf.runs.stages import Stage, members_of, provenance_of, stages_of
from sensorium_tf.settings import TrainingSettings

if TYPE_CHECKING:
    from sensorium_tf.data import Mouse
    from sensorium_tf.models import FiringRateModel

_FORMAT = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run, or a training of several stages, as it began.

    Attributes:
        settings: Of the run, or of the whole training.
        recordings: Mouse to the fingerprint of its recording and neurons.
        n_neurons: Mouse to the number of its neurons.
        provenance: The signals and trials that the model uses.
        modules: Custom modules that were imported for it, and a digest of each one's code.
    """

    settings: TrainingSettings
    recordings: Mapping[str, str]
    n_neurons: Mapping[str, int]
    provenance: Provenance
    modules: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def new(
        cls,
        settings: TrainingSettings,
        mice: Sequence["Mouse"],
        *,
        modules: Mapping[str, str] | None = None,
    ) -> Self:
        """Returns the record of a run on some mice, with the provenance that its settings say.

        Args:
            settings: Of the run.
            mice: Those of the settings, and perhaps those of other stages.
            modules: Custom modules that were imported for it, and a digest of each one's code.
        """
        own = [mouse for mouse in mice if mouse.name in settings.mice]
        ids = {mouse.name: mouse.recording_id for mouse in mice}
        return cls(
            settings=settings,
            recordings={mouse.name: mouse.fingerprint for mouse in own},
            n_neurons={mouse.name: mouse.n_neurons for mouse in own},
            provenance=provenance_of(settings, recording_ids=ids),
            modules=modules or {},
        )

    def with_model(self, model: "FiringRateModel", sources: Mapping[str, Provenance]) -> Self:
        """Returns it with what is known once the model has been built.

        Args:
            model: Of the run, or of a member.
            sources: Model file or run that the settings name to what is known of it.
        """
        given = model.inputs
        provenance = provenance_of(
            self.settings,
            inputs=tuple(given.signals),
            past_tiers=given.past_tiers,
            sources=sources,
            recording_ids=dict(self.provenance.recording_ids),
        )
        modules = {**record_modules(custom_modules(model)), **self.modules}
        return dataclasses.replace(self, provenance=provenance, modules=modules)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the training; none for a single run."""
        return stages_of(self.settings)

    @property
    def members(self) -> tuple[Stage, ...]:
        """The stages that are members of an ensemble; none where there is no mean."""
        return members_of(self.settings)

    def difference(self, other: "RunRecord") -> str:
        """Names the settings in which another run differs; empty if in none."""
        return _difference(self.settings.to_json(), other.settings.to_json())

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "format": _FORMAT,
            "settings": self.settings.to_json(),
            "recordings": dict(self.recordings),
            "n_neurons": dict(self.n_neurons),
            "provenance": self.provenance.to_json(),
            "modules": dict(self.modules),
        }

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Returns what `to_json` described.

        Raises:
            SensoriumError: If it is of another version, or damaged.
        """
        if not isinstance(values, dict):
            raise SensoriumError("not the configuration of a run")
        if values.get("format") != _FORMAT:
            raise SensoriumError("the run is of another version of sensorium_tf")
        for name, fits in _FITS.items():
            if not fits(values.get(name)):
                raise SensoriumError(f"its {name} are missing or damaged")
        settings = TrainingSettings.from_json(values.get("settings"))
        if not settings.mice == tuple(values["recordings"]) == tuple(values["n_neurons"]):
            raise SensoriumError("its recordings are not those of its mice")
        return cls(
            settings=settings,
            recordings=values["recordings"],
            n_neurons=values["n_neurons"],
            provenance=Provenance.from_json(values.get("provenance")),
            modules=values["modules"],
        )


def recorded_modules(values: Any) -> dict[str, str]:
    """Returns the modules that a record's JSON names, before anything else of it is read.

    Raises:
        SensoriumError: If they are damaged.
    """
    modules = values.get("modules", {}) if isinstance(values, dict) else {}
    if not _is_texts(modules):
        raise SensoriumError("its modules are damaged")
    return modules


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_counts(values: object) -> bool:
    return all(type(each) is int and each >= 0 for each in values)


# What a damaged file may hold in the place of each value.
_FITS = {
    "recordings": _is_texts,
    "n_neurons": lambda value: isinstance(value, dict) and _is_counts(value.values()),
    "modules": _is_texts,
}


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Names the values in which two runs differ."""
    parts = []
    for key in theirs.keys() | ours.keys():
        there, here = theirs.get(key), ours.get(key)
        if isinstance(there, dict) and isinstance(here, dict):
            if there != here:
                parts.append(_difference(there, here))
        elif there != here:
            parts.append(f"{key} {there} there, {here} here")
    return "; ".join(sorted(parts))
