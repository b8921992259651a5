"""A part as people write it: `vit(depth=4)`."""

import ast
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from sensorium_tf.errors import SensoriumError

# Longer texts are no parts that a person wrote.
_LONGEST_TEXT = 10_000


@dataclasses.dataclass(frozen=True)
class Part:
    """The name of a part and the options that it is made with.

    Attributes:
        name: Under which it is registered.
        options: Its settings by name; what is left out keeps the part's default.
    """

    name: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Reads a part as people write it: `vit` or `vit(depth=4, pool=mean)`.

        Values are literals (numbers, text, true and false, None, lists); a bare word is text.
        Nothing is evaluated.

        Raises:
            SensoriumError: If the text is no such thing.
        """
        error = SensoriumError(
            f"{text[:100]!r}: expected a name, or a name with options such as vit(depth=4)"
        )
        if len(text) > _LONGEST_TEXT:
            raise error
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as e:
            raise error from e
        if isinstance(tree, ast.Name):
            return cls(tree.id)
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.args:
            raise error
        options = {}
        for keyword in tree.keywords:
            if keyword.arg is None or keyword.arg in options:
                raise error
            options[keyword.arg] = _value(keyword, text)
        return cls(tree.func.id, options)

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.options.items())})"

    def with_options(self, options: Mapping[str, Any]) -> "Part":
        """Returns the part with more options, which replace its own."""
        return Part(self.name, {**self.options, **options})


def _value(keyword: ast.keyword, text: str) -> Any:
    if isinstance(keyword.value, ast.Name):
        return {"true": True, "false": False}.get(keyword.value.id, keyword.value.id)
    error = SensoriumError(
        f"{text[:100]!r}: the value of {keyword.arg} is not a number, a word, true, false, None or "
        "a list of these"
    )
    try:
        value = ast.literal_eval(keyword.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as e:
        raise error from e
    if not _is_plain(value):
        raise error
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, str | int | None) or (
        isinstance(value, float) and math.isfinite(value)
    )
