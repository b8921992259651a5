"""What a model was given and learnt from, so that unequal ones are not ranked as equals."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sensorium_tf.tracks import describe_signals


@dataclasses.dataclass(frozen=True, kw_only=True)
class Uses:
    """The signals and trials that a model uses.

    Attributes:
      mice: those that it was trained on.
      track: `sensorium` (image alone) or `sensorium_plus` (image and behavior).
      pupil_center: whether it is given the pupil center.
      trained_on: tiers that its weights were fitted to; None where that is not known.
      chosen_by: tier by which its weights were chosen; None where that is not known.
      neurons_chosen_by: tier whose responses chose its neurons; None if none did.
      subset: what was left out of neurons and trials, in words, such as `500 training trials`.
      started_from: model file that training started from; None for random weights.
      seen_before: each mouse with the tiers that the model there is known to have seen, from its
        own start on.
      start_known: whether that is all that it had seen; not so if it, or one that it goes back to,
        is a file which does not tell.
      unfinished: how far its run has come, such as `3 of at most 22 epochs`; empty if it is
        finished or does not tell.
      recording_ids: mouse to the recording that it is, by which one is known under other names;
        those of the start's as well. Where none is told, the name alone counts.
    """

    mice: tuple[str, ...]
    track: str
    pupil_center: bool
    trained_on: tuple[str, ...] | None = None
    chosen_by: str | None = None
    neurons_chosen_by: str | None = None
    subset: str = ""
    started_from: str | None = None
    seen_before: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start_known: bool = False
    unfinished: str = ""
    recording_ids: tuple[tuple[str, str], ...] = dataclasses.field(default=(), compare=False)

    @property
    def signals(self) -> str:
        """What the model is given, for people, such as `image, behavior`."""
        return describe_signals(self.track, pupil_center=self.pupil_center)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers whose responses had a part in training; empty where that is not known."""
        tiers = (*(self.trained_on or ()), self.chosen_by, self.neurons_chosen_by)
        return tuple(dict.fromkeys(tier for tier in tiers if tier is not None))

    @property
    def all_known(self) -> bool:
        """Whether all that the model has seen is known, from random weights on."""
        return self.trained_on is not None and (self.started_from is None or self.start_known)

    def after(self, start: "Uses") -> "Uses":
        """Returns it for a model whose training started from one that uses what `start` says."""
        mice = dict.fromkeys((*start.mice, *dict(start.seen_before)))
        seen = ((mouse, start.seen_tiers(mouse)) for mouse in mice)
        return dataclasses.replace(
            self,
            seen_before=tuple((mouse, tiers) for mouse, tiers in seen if tiers),
            start_known=start.all_known,
            recording_ids=start.recording_ids,
        )

    def on(self, recording_ids: Mapping[str, str]) -> "Uses":
        """Returns it with the recordings that some mice are, by mouse."""
        return dataclasses.replace(
            self, recording_ids=tuple({**dict(self.recording_ids), **recording_ids}.items())
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
            unknown = "" if self.start_known else " (not all that it had seen is known)"
            start = [f"started from {self.started_from}{unknown}"]
        end = [f"not finished: {self.unfinished}"] if self.unfinished else []
        return "; ".join([f"sees {self.signals}", trials, *start, *end])

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values, every signal that some models use with its yes or no."""
        return {
            "image": True,
            "behavior": self.track == "sensorium_plus",
            "pupil_center": self.pupil_center,
            "past_responses": False,  # no model here is given any
            "mice": list(self.mice),
            "trained_on": None if self.trained_on is None else list(self.trained_on),
            "chosen_by": self.chosen_by,
            "neurons_chosen_by": self.neurons_chosen_by,
            "subset": self.subset,
            "started_from": self.started_from,
            "seen_before": {mouse: list(tiers) for mouse, tiers in self.seen_before},
            "start_known": None if self.started_from is None else self.start_known,
            "recording_ids": dict(self.recording_ids),
            **({"unfinished": self.unfinished} if self.unfinished else {}),
        }
