"""What `--help` says of the settings that recipes choose."""

import json
from typing import Any

from sensorium_tf.registry import RECIPES
from sensorium_tf.settings import chosen_by_recipes


def by_recipe() -> dict[str, str]:
    """Returns what recipes say of the settings that they can choose, such as `fast: 22`."""
    said = {name: [] for name in chosen_by_recipes()}
    for recipe in RECIPES.names():
        of_recipe = RECIPES[recipe]
        for name, value in of_recipe.values.items():
            others = [
                f"{where}: {_written(values[name])}"
                for where, values in of_recipe.of_challenges.items()
                if values.get(name, value) != value
            ]
            there = f" ({', '.join(others)})" if others else ""
            said[name].append(f"{recipe}: {_written(value)}{there}")
        for track, values in of_recipe.of_tracks.items():
            for name, value in values.items():
                said[name].append(f"{recipe}, {track}: {_written(value)}")
    return {name: ", ".join(each) for name, each in said.items()}


def _written(value: Any) -> str:
    """Returns a value as people write it on the command line."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)
