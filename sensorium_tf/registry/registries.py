"""Names of parts, and what each stands for."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of parts of one kind, and what each stands for.

    The parts of this package are found by their files: `package` holds one module a part, of the
    part's name, which is imported when the part is first asked for. A user's module adds parts by
    `register` when it is imported.

    Args:
        kind: What it holds, in messages, such as `core`.
        package: Where the parts of this package are, such as `sensorium_tf.models.cores`.
        base: Module and class of which each part is a subclass or an instance; any if left out.
        remedy: How one is made, to be put into a message.
    """

    def __init__(self, kind: str, package: str, *, base: str = "", remedy: str = ""):
        self.kind = kind
        self._package = package
        self._base, self._remedy = base, remedy
        self._found: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Registers what is decorated under a name; the last one of a name counts.

        Raises:
            SensoriumError: If the name is not made of letters, digits and _, or what is decorated
                is no such part.
        """
        if not name.isidentifier():
            raise SensoriumError(f"{self.kind} {name!r}: expected a name of letters, digits and _")

        def add(part: T) -> T:
            self._check(name, part)
            self._found[name] = part
            return part

        return add

    def _check(self, name: str, part: object) -> None:
        if not self._base:
            return
        module, _, kind = self._base.rpartition(".")
        base = getattr(importlib.import_module(module), kind)
        if not isinstance(part, base) and not (isinstance(part, type) and issubclass(part, base)):
            received = part.__name__ if isinstance(part, type) else type(part).__name__
            raise SensoriumError(
                f"{self.kind} {name}: expected a {kind}{self._remedy}. Received: {received}"
            )

    def names(self) -> tuple[str, ...]:
        """Returns all names, those of this package first."""
        return (*self._packaged_names(), *self.custom_names())

    def custom_names(self) -> tuple[str, ...]:
        """Returns the names that a user's modules registered, in the order in which they did."""
        ours = self._packaged_names()
        return tuple(name for name in self._found if name not in ours)

    def _packaged_names(self) -> tuple[str, ...]:
        package = importlib.import_module(self._package)
        names = [module.name for module in pkgutil.iter_modules(package.__path__)]
        return tuple(name for name in names if not name.startswith("_"))

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


_BASES = "sensorium_tf.models.base"
#: Feature extractors that the mice of a model share; each is a `models.CoreBase`.
CORES = Registry("core", "sensorium_tf.models.cores", base=f"{_BASES}.CoreBase")
#: From features to the drive of each neuron; each is a `models.ReadoutBase`.
READOUTS = Registry("readout", "sensorium_tf.models.readouts", base=f"{_BASES}.ReadoutBase")
#: From pupil centers to shifts of receptive fields; each is a `models.ShifterBase`.
SHIFTERS = Registry("shifter", "sensorium_tf.models.shifters", base=f"{_BASES}.ShifterBase")
#: What acts on the rates after the readout; each is a `models.ModulatorBase`.
MODULATORS = Registry("modulator", "sensorium_tf.models.modulators", base=f"{_BASES}.ModulatorBase")
#: From drives to rates, instead of `elu + 1`; each is a `models.NonlinearityBase`.
NONLINEARITIES = Registry(
    "nonlinearity",
    "sensorium_tf.models.nonlinearities",
    base="sensorium_tf.models.nonlinearity.NonlinearityBase",
)
#: How to train; each is a `recipes.Recipe`.
RECIPES = Registry("recipe", "sensorium_tf.recipes", base="sensorium_tf.recipes.Recipe")
#: How well rates agree with responses; each is a `metrics.Metric`.
METRICS = Registry(
    "metric",
    "sensorium_tf.metrics.scores",
    base="sensorium_tf.metrics.base.Metric",
    remedy=" (the decorator sensorium_tf.metrics.metric makes one of a function)",
)
