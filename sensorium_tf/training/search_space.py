"""What a search tries: settings that stay, and ranges of those that do not."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any, Protocol, Self

from sensorium_tf.config import check_names, flat_fields
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.reading import read_json, reading
from sensorium_tf.settings import TrainingSettings


class Trial(Protocol):
    """What a value is asked of: a trial of Optuna."""

    def suggest_categorical(self, name: str, choices: list) -> Any:
        """Returns one of some values."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Returns a whole number."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """Returns a number."""


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that a setting can have.

    Attributes:
        choices: Those to choose from; empty where there are bounds.
        low: The smallest one.
        high: The largest one.
        step: Between values; None for any number, or each whole one between whole bounds.
        log: Whether they are drawn evenly on a logarithmic scale.
    """

    choices: tuple = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False

    def suggest(self, name: str, trial: Trial) -> Any:
        """Returns a value that a trial suggests."""
        if self.choices:
            # Lists are no values to Optuna.
            return json.loads(trial.suggest_categorical(name, list(map(json.dumps, self.choices))))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def ends(self) -> tuple[Any, ...]:
        """Returns the values at its ends, or all choices."""
        return self.choices or (self.low, self.high)


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """A space that settings are searched in.

    Attributes:
        settings: Those that stay, as `TrainingSettings.flat` takes them.
        ranges: Name of each other one to its values.
    """

    settings: Mapping[str, Any]
    ranges: Mapping[str, Range]

    @classmethod
    def read(cls, path: str | os.PathLike) -> Self:
        """Reads a space from JSON: `{"settings": {..}, "space": {"learning_rate": {..}}}`.

        A range is `{"low": 0.001, "high": 0.01, "log": true}`, with `"step"` instead of `"log"`
        perhaps, or `{"choices": [8, 16]}`.

        Raises:
            SensoriumError: If there is no such file, it is no space, or a setting or a value at the
                end of a range is not possible.
        """
        path = expand(path)
        with reading(path, "is not a space to search in", missing="there is no such file"):
            values = read_json(path)
            if not isinstance(values, dict) or {*values} != {"settings", "space"}:
                raise ValueError("expected settings and space, and nothing else")
            if not all(isinstance(each, dict) for each in values.values()):
                raise ValueError("expected objects of JSON")
            ranges = {name: _range(name, each) for name, each in values["space"].items()}
            if not ranges:
                raise ValueError("its space is empty")
        space = cls(values["settings"], ranges)
        try:
            space.check()
        except SensoriumError as e:
            raise SensoriumError(f"{path}: {e}") from e
        return space

    def check(self) -> None:
        """Raises SensoriumError unless every value at the end of a range is possible."""
        known = flat_fields(TrainingSettings)
        check_names([*self.settings, *self.ranges], known, "setting")
        for name in self.ranges:
            if name in self.settings:
                raise SensoriumError(f"{name}: is in settings and in space: leave one out")
        if folds := {"folds", "fold"} & {*self.settings, *self.ranges}:
            raise SensoriumError(
                f"{min(folds)}: with folds, the trials that a search scores on are trained on: "
                "search without, and train the best one with them"
            )
        first = {name: each.ends()[0] for name, each in self.ranges.items()}
        for name, each in self.ranges.items():
            for value in each.ends():
                self.made({**first, name: value})

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Returns a value for each range."""
        return {name: each.suggest(name, trial) for name, each in self.ranges.items()}

    def made(self, values: Mapping[str, Any]) -> TrainingSettings:
        """Returns the settings with values for the ranges."""
        return TrainingSettings.flat(**{**self.settings, **values})

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        ranges = {name: dataclasses.asdict(each) for name, each in self.ranges.items()}
        return json.loads(json.dumps({"settings": self.settings, "space": ranges}))


def _range(name: str, values: Any) -> Range:
    names = {*values} if isinstance(values, dict) else set()
    if names == {"choices"} and isinstance(values["choices"], list) and values["choices"]:
        return Range(tuple(values["choices"]))
    if {"low", "high"} <= names <= {"low", "high", "log", "step"}:
        low, high = values["low"], values["high"]
        step, log = values.get("step"), values.get("log", False)
        are_numbers = all(type(each) in (int, float) for each in (low, high))
        # Between whole numbers there are whole steps.
        steps = (int,) if type(low) is type(high) is int else (int, float)
        step_fits = step is None or (type(step) in steps and step > 0 and not log)
        if are_numbers and low < high and step_fits and type(log) is bool and (low > 0 or not log):
            return Range(low=low, high=high, step=step, log=log)
    raise ValueError(f"{name}: expected low and high, perhaps log or step with them, or choices")
