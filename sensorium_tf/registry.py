"""Parts by name: what `--core="vit(depth=4)"` stands for, in flags, in Python and in JSON."""

import ast
import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError

T = TypeVar("T")
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
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as e:
        raise SensoriumError(
            f"{text[:100]!r}: the value of {keyword.arg} is not a number, a word, true, false, "
            "None or a list of these"
        ) from e


class Registry(Generic[T]):
    """Names of parts of one kind, and what each stands for.

    The parts of this package are found by their files: `package` holds one module a part, of the
    part's name, which is imported when the part is first asked for. A user's module adds parts by
    `register` when it is imported.

    Args:
        kind: What it holds, in messages, such as `core`.
        package: Where the parts of this package are, such as `sensorium_tf.models.cores`.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self._package = package
        self._found: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Registers what is decorated under a name; the last one of a name counts."""
        if not name.isidentifier():
            raise SensoriumError(f"{self.kind} {name!r}: expected a name of letters, digits and _")

        def add(part: T) -> T:
            self._found[name] = part
            return part

        return add

    def names(self) -> tuple[str, ...]:
        """Returns all names, those of this package first."""
        return (*self._own_names(), *self.custom_names())

    def custom_names(self) -> tuple[str, ...]:
        """Returns the names that a user's modules registered, in the order in which they did."""
        own = self._own_names()
        return tuple(name for name in self._found if name not in own)

    def _own_names(self) -> tuple[str, ...]:
        package = importlib.import_module(self._package)
        own = [module.name for module in pkgutil.iter_modules(package.__path__)]
        return tuple(name for name in own if not name.startswith("_"))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """Returns what a name stands for.

        Raises:
            SensoriumError: If there is no such part.
        """
        if name not in self._found:
            check_names([name], self.names(), self.kind)
            importlib.import_module(f"{self._package}.{name}")
        return self._found[name]

    def name_of(self, part: T) -> str:
        """Returns the name under which a part is registered.

        Raises:
            SensoriumError: If it is not.
        """
        for name, each in self._found.items():
            if each is part:
                return name
        raise SensoriumError(f"{part}: is not registered as a {self.kind}")


#: Feature extractors that the mice of a model share; each is a `models.CoreBase`.
CORES = Registry("core", "sensorium_tf.models.cores")
#: From features to the drive of each neuron; each is a `models.ReadoutBase`.
READOUTS = Registry("readout", "sensorium_tf.models.readouts")
#: From pupil centers to shifts of receptive fields; each is a `models.ShifterBase`.
SHIFTERS = Registry("shifter", "sensorium_tf.models.shifters")
#: What acts on the rates after the readout; each is a `models.ModulatorBase`.
MODULATORS = Registry("modulator", "sensorium_tf.models.modulators")
#: How to train; each is a `recipes.Recipe`.
RECIPES = Registry("recipe", "sensorium_tf.recipes")
#: How well rates agree with responses; each is a `metrics.Metric`.
METRICS = Registry("metric", "sensorium_tf.metrics.scores")
