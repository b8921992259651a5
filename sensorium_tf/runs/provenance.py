"""What a model was given and learnt from, so that unequal ones are not ranked as equals."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import CENTRED_IMAGE, IMAGE, PAST_RESPONSES, SOBEL_IMAGE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """The signals and trials that a model uses.

    A run writes it whole into its `config.json` when it begins, and reads it back whole: no field
    follows from settings or the model again. `unfinished` alone is no part of what is written; a
    run tells it when it is opened.

    Attributes:
        mice: Those that it was trained on.
        track: Its track, such as `sensorium`.
        inputs: Signals that it is given, such as `image` and `behavior`.
        past_tiers: Tiers whose responses it is given as past ones; empty without.
        trained_on: Tiers that its weights were fitted to; None where that is not known.
        chosen_by: Tier by which its weights were chosen; None where that is not known.
        neurons_chosen_by: Tier whose responses chose its neurons; None if none did.
        subset: What was left out of neurons and trials, in words, such as `500 training trials`.
        started_from: Model file, or stage, that training started from; None for random weights.
        taught_by: Model, or stage, whose rates were learnt beside the responses; None if none were.
        seen_before: Each mouse with the tiers that the models there are known to have seen, from
            their own start on.
        start_known: Whether that is all that they had seen; not so if one of them, or one that it
            goes back to, is a file which does not tell.
        unfinished: How far its run has come, such as `3 of at most 22 epochs`; empty if it is
            finished or does not tell.
        recording_ids: Mouse to the recording that it is, by which one is known under other names;
            those of the start's as well. Where none is told, the name alone counts.
    """

    mice: tuple[str, ...]
    track: str
    inputs: tuple[str, ...]
    past_tiers: tuple[str, ...] = ()
    trained_on: tuple[str, ...] | None = None
    chosen_by: str | None = None
    neurons_chosen_by: str | None = None
    subset: str = ""
    started_from: str | None = None
    taught_by: str | None = None
    seen_before: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start_known: bool = False
    unfinished: str = ""
    recording_ids: tuple[tuple[str, str], ...] = dataclasses.field(default=(), compare=False)

    @property
    def signals(self) -> str:
        """What the model is given, for people, such as `image, behavior`."""
        of_tiers = {PAST_RESPONSES: f" (of {' and '.join(self.past_tiers)})"}
        return ", ".join(f"{each}{of_tiers.get(each, '')}" for each in self.inputs).replace(
            "_", " "
        )

    @property
    def known(self) -> Self:
        """The same, of what it is given only what it learns from it.

        Channels that are made of the image tell a model nothing that the image does not.
        """
        made = (CENTRED_IMAGE, SOBEL_IMAGE)
        inputs = dict.fromkeys(IMAGE if each in made else each for each in self.inputs)
        return dataclasses.replace(self, inputs=tuple(inputs))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers whose responses had a part in training; empty where that is not known."""
        fitted = (*(self.trained_on or ()), self.chosen_by, self.neurons_chosen_by)
        tiers = (*fitted, *self.past_tiers)
        return tuple(dict.fromkeys(tier for tier in tiers if tier is not None))

    @property
    def all_known(self) -> bool:
        """Whether all that the model has seen is known, from random weights on."""
        return self.trained_on is not None and (not self._sources or self.start_known)

    @property
    def _sources(self) -> tuple[str, ...]:
        return tuple(each for each in (self.started_from, self.taught_by) if each is not None)

    def after(self, *sources: "Provenance") -> Self:
        """Returns it for a model that started, or learnt, from models of these provenances."""
        seen, ids = {}, {}
        for source in sources:
            ids |= dict(source.recording_ids)
            for mouse in dict.fromkeys((*source.mice, *dict(source.seen_before))):
                tiers = (*seen.get(mouse, ()), *source.seen_tiers(mouse))
                seen[mouse] = tuple(dict.fromkeys(tiers))
        return dataclasses.replace(
            self,
            seen_before=tuple((mouse, tiers) for mouse, tiers in seen.items() if tiers),
            start_known=len(sources) == len(self._sources)
            and all(source.all_known for source in sources),
            recording_ids=tuple({**ids, **dict(self.recording_ids)}.items()),
        )

    def seen_tiers(self, mouse: str) -> tuple[str, ...]:
        """Returns the tiers of a mouse that the model, or its start, is known to have seen."""
        ids = dict(self.recording_ids)
        found = [*((own, self.tiers) for own in self.mice), *self.seen_before]
        same = [tiers for name, tiers in found if ids.get(name, name) == ids.get(mouse, mouse)]
        return tuple(dict.fromkeys(tier for tiers in same for tier in tiers))

    def held_out(self, mouse: str, tier: str) -> bool | None:
        """Tells whether a model has seen nothing of a mouse's tier; None if that is not known."""
        if tier in self.seen_tiers(mouse):
            return False
        return True if self.all_known else None

    def describe(self) -> str:
        """Returns it in a line: `sees image; trained on train of mouse1, chosen by validation`."""
        if self.trained_on is None:
            trials = "what it was trained on is not known"
        else:
            trials = (
                f"trained on {' and '.join(self.trained_on)} of {', '.join(self.mice)}"
                f"{f' ({self.subset})' if self.subset else ''}, chosen by {self.chosen_by}"
            )
        start = []
        if self.started_from is not None:
            start.append(f"started from {self.started_from}")
        if self.taught_by is not None:
            start.append(f"taught by {self.taught_by}")
        if start and not self.start_known:
            start[-1] += " (not all that it had seen is known)"
        by_tiers: dict[tuple[str, ...], list[str]] = {}
        for mouse, tiers in self.seen_before:
            by_tiers.setdefault(tiers, []).append(mouse)
        if seen := [f"{' and '.join(t)} of {', '.join(mice)}" for t, mice in by_tiers.items()]:
            start.append(f"seen before: {', '.join(seen)}")
        end = [f"not finished: {self.unfinished}"] if self.unfinished else []
        return "; ".join([f"sees {self.signals}", trials, *start, *end])

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "track": self.track,
            "inputs": list(self.inputs),
            **({"past_tiers": list(self.past_tiers)} if self.past_tiers else {}),
            "mice": list(self.mice),
            "trained_on": None if self.trained_on is None else list(self.trained_on),
            "chosen_by": self.chosen_by,
            "neurons_chosen_by": self.neurons_chosen_by,
            "subset": self.subset,
            "started_from": self.started_from,
            "taught_by": self.taught_by,
            "seen_before": {mouse: list(tiers) for mouse, tiers in self.seen_before},
            "start_known": self.start_known if self._sources else None,
            "recording_ids": dict(self.recording_ids),
            **({"unfinished": self.unfinished} if self.unfinished else {}),
        }

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Returns what `to_json` described.

        Raises:
            SensoriumError: If a value is missing or of another kind.
        """
        missing = object()
        values = {"past_tiers": [], **(values if isinstance(values, Mapping) else {})}
        for name, fits in _FITS.items():
            if not fits(values.get(name, missing)):
                raise SensoriumError(f"provenance: {name} is missing or damaged")
        trained_on = values["trained_on"]
        return cls(
            mice=tuple(values["mice"]),
            track=values["track"],
            inputs=tuple(values["inputs"]),
            past_tiers=tuple(values["past_tiers"]),
            trained_on=None if trained_on is None else tuple(trained_on),
            chosen_by=values["chosen_by"],
            neurons_chosen_by=values["neurons_chosen_by"],
            subset=values["subset"],
            started_from=values["started_from"],
            taught_by=values["taught_by"],
            seen_before=tuple((m, tuple(tiers)) for m, tiers in values["seen_before"].items()),
            start_known=values["start_known"] is True,
            recording_ids=tuple(values["recording_ids"].items()),
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


# What a damaged file may hold in the place of each value.
_FITS = {
    "mice": _is_names,
    "track": _is_text,
    "inputs": _is_names,
    "past_tiers": _is_names,
    "trained_on": lambda value: value is None or _is_names(value),
    "chosen_by": _is_text_or_none,
    "neurons_chosen_by": _is_text_or_none,
    "subset": _is_text,
    "started_from": _is_text_or_none,
    "taught_by": _is_text_or_none,
    "seen_before": lambda value: isinstance(value, dict) and all(map(_is_names, value.values())),
    "start_known": lambda value: value is None or type(value) is bool,
    "recording_ids": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
}
