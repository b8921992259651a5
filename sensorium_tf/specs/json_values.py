"""Specs as JSON values."""

import dataclasses
from collections.abc import Mapping
from typing import Any


def as_json(value: Any) -> Any:
    """Returns a dataclass, or what is in one, as JSON values."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(each) for each in value]
    return value
