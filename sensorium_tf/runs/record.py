"""What `config.json` says of a run: written when it begins, never changed."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sensorium_tf.errors import SensoriumError
from sensorium_tf.registry import custom_modules, record_modules
from sensorium_tf.runs.provenance import Provenance
from sensorium_tf.settings import TrainingSettings

if TYPE_CHECKING:
    from sensorium_tf.data import Mouse
    from sensorium_tf.models import FiringRateModel

_FORMAT = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run, or an ensemble of them, as it began.

    Attributes:
        settings: Of the run; of an ensemble's members the first one's.
        recordings: Mouse to the fingerprint of its recording and neurons.
        n_neurons: Mouse to the number of its neurons.
        provenance: The signals and trials that the model uses.
        seeds: Of the members of an ensemble; empty for a single run.
        modules: Custom modules that were imported for it, and a digest of each one's code.
    """

    settings: TrainingSettings
    recordings: Mapping[str, str]
    n_neurons: Mapping[str, int]
    provenance: Provenance
    seeds: tuple[int, ...] = ()
    modules: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def new(
        cls,
        settings: TrainingSettings,
        mice: Sequence["Mouse"],
        *,
        seeds: Sequence[int] = (),
        modules: Mapping[str, str] | None = None,
    ) -> Self:
        """Returns the record of a run on some mice, with the provenance that its settings say."""
        subset = settings.subset
        return cls(
            settings=settings,
            recordings={mouse.name: mouse.fingerprint for mouse in mice},
            n_neurons={mouse.name: mouse.n_neurons for mouse in mice},
            provenance=Provenance(
                mice=settings.mice,
                track=settings.track,
                inputs=settings.signals,
                trained_on=subset.train_tiers,
                chosen_by=subset.validation_tier,
                neurons_chosen_by=subset.neurons_chosen_by,
                subset=subset.describe(),
                started_from=settings.init_from,
                recording_ids=tuple((mouse.name, mouse.recording_id) for mouse in mice),
            ),
            seeds=tuple(seeds),
            modules=modules or {},
        )

    def with_model(self, model: "FiringRateModel", *, start: Provenance | None) -> Self:
        """Returns it with what is known once the model has been built.

        Args:
            model: Of the run, or of a member.
            start: Of the model that training starts from; None for random weights, or if that is
                not known.
        """
        given = model.inputs
        provenance = dataclasses.replace(
            self.provenance, inputs=tuple(given.signals), past_tiers=given.past_tiers
        )
        if start is not None:
            provenance = provenance.after(start)
        modules = {**record_modules(custom_modules(model)), **self.modules}
        return dataclasses.replace(self, provenance=provenance, modules=modules)

    def difference(self, other: "RunRecord") -> str:
        """Names the settings and seeds in which another run differs; empty if in none."""
        theirs = {**self.settings.to_json(), "seeds": list(self.seeds)}
        ours = {**other.settings.to_json(), "seeds": list(other.seeds)}
        return _difference(theirs, ours)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "format": _FORMAT,
            "settings": self.settings.to_json(),
            "recordings": dict(self.recordings),
            "n_neurons": dict(self.n_neurons),
            "provenance": self.provenance.to_json(),
            "seeds": list(self.seeds),
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
            seeds=tuple(values["seeds"]),
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
    "seeds": lambda value: isinstance(value, list) and _is_counts(value),
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
