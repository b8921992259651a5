"""What a model was given and learnt from, so that unequal ones are not ranked as equals."""

import dataclasses
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
    """

    mice: tuple[str, ...]
    track: str
    pupil_center: bool
    trained_on: tuple[str, ...] | None = None
    chosen_by: str | None = None
    neurons_chosen_by: str | None = None
    subset: str = ""
    started_from: str | None = None

    @property
    def signals(self) -> str:
        """What the model is given, for people, such as `image, behavior`."""
        return describe_signals(self.track, pupil_center=self.pupil_center)

    @property
    def seen_tiers(self) -> tuple[str, ...]:
        """Tiers that are not held out; where nothing is known, those that training usually sees."""
        seen = (*(self.trained_on or ("train",)), self.chosen_by or "validation")
        chosen = () if self.neurons_chosen_by is None else (self.neurons_chosen_by,)
        return tuple(dict.fromkeys((*seen, *chosen)))

    def describe(self) -> str:
        """Returns it in a line: `sees image; trained on train of mouse1, chosen by validation`."""
        if self.trained_on is None:
            trials = "what it was trained on is not known"
        else:
            trials = (
                f"trained on {' and '.join(self.trained_on)} of {', '.join(self.mice)}"
                f"{f' ({self.subset})' if self.subset else ''}, chosen by {self.chosen_by}"
            )
        start = [] if self.started_from is None else [f"started from {self.started_from}"]
        return "; ".join([f"sees {self.signals}", trials, *start])

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
        }
