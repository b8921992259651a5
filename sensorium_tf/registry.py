"""Parts by name: what `--core="vit(depth=4)"` stands for, in flags, in Python and in JSON."""

import ast
import contextlib
import dataclasses
import hashlib
import importlib
import importlib.machinery
import math
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError, one_line

T = TypeVar("T")
# Longer texts are no parts that a person wrote.
_LONGEST_TEXT = 10_000
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# Modules of these packages are no custom ones.
_OURS = ("sensorium_tf", "keras")


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
#: How to train; each is a `recipes.Recipe`.
RECIPES = Registry("recipe", "sensorium_tf.recipes", base="sensorium_tf.recipes.Recipe")
#: How well rates agree with responses; each is a `metrics.Metric`.
METRICS = Registry(
    "metric",
    "sensorium_tf.metrics.scores",
    base="sensorium_tf.metrics.base.Metric",
    remedy=" (the decorator sensorium_tf.metrics.metric makes one of a function)",
)


def import_modules(names: Iterable[str]) -> list[ModuleType]:
    """Imports custom modules, with the parts that they register.

    Args:
        names: Such as `package.module`, installed or in the working directory, which is put at the
            end of Python's path.

    Raises:
        SensoriumError: If one cannot be imported.
    """
    modules = []
    for name in names:
        _look_here()
        try:
            modules.append(importlib.import_module(name))
        except (Exception, SystemExit) as e:  # whatever a user's code raises
            raise SensoriumError(
                f"module {name!r} cannot be imported ({type(e).__name__}: {_said(e)})"
            ) from e
    return modules


def custom_modules(model: Any) -> tuple[str, ...]:
    """Returns the modules, other than this package's, of a model's class and its parts.

    A file of the model can be loaded once they have been imported.

    Args:
        model: A `FiringRateModel` or an `EnsembleModel`.
    """
    made = (model, *getattr(model, "members", ()), *model.parts)
    modules = dict.fromkeys(type(each).__module__ for each in made)
    return tuple(name for name in modules if name.partition(".")[0] not in _OURS)


def source_digest(name: str) -> str:
    """Returns the SHA-256 of a module's source and place, and of its packages', as hex.

    Nothing is imported. Other modules that it imports are not looked at.

    Args:
        name: Of the module, such as `package.module`.

    Raises:
        SensoriumError: If no source of this name is found.
    """
    return _digest(_sources(name))


def record_modules(names: Iterable[str]) -> dict[str, str]:
    """Returns each module with the digest of its source, for `import_recorded`.

    What a session defines by itself, as a notebook does in its cells, has no source: the digest is
    empty then, and the session alone can use it.

    Raises:
        SensoriumError: If the source of one is not found.
    """
    return {name: "" if name == "__main__" else source_digest(name) for name in names}


def import_recorded(recorded: Mapping[str, str], *, not_from: Path | None = None) -> None:
    """Imports the modules that a run recorded, if they are still the same.

    A record names code that is in its place on this machine already: a module whose source or place
    differs, as that of one which came along with a run does, is not imported. Modules that have
    been imported are left alone.

    Args:
        recorded: As `record_modules` returns it.
        not_from: Folder of the record, from which no module is imported.

    Raises:
        SensoriumError: If a module is not found, has changed or lies in that folder.
    """
    for name, digest in recorded.items():
        if name in sys.modules:
            continue
        remedy = f"give --modules={name} to use it as it is now"
        try:
            sources = _sources(name)
        except SensoriumError as e:
            raise SensoriumError(
                f"module {name!r}, which the run was trained with, is not found: {remedy}, from "
                "where it can be found"
            ) from e
        if not_from is not None and any(
            path.resolve().is_relative_to(not_from.resolve()) for path in sources
        ):
            raise SensoriumError(
                f"module {name!r} lies in the run's own folder, and was not run: read it, and "
                f"{remedy}"
            )
        if _digest(sources) != digest:
            raise SensoriumError(
                f"module {name!r} has changed or moved since the run was trained: {remedy}"
            )
        import_modules([name])


@contextlib.contextmanager
def custom_code(doing: str) -> Iterator[None]:
    """Turns whatever a user's code raises into a SensoriumError of one line.

    Args:
        doing: What is being done, with which the text begins.
    """
    try:
        yield
    except SensoriumError as e:
        if "\n" not in str(e):
            raise
        # Keras wraps what is raised in a call.
        raise SensoriumError(f"{doing}: {_said(e)}") from e
    except (Exception, SystemExit) as e:
        raise SensoriumError(f"{doing} raised {type(e).__name__}: {_said(e)}") from e


def _said(error: BaseException) -> str:
    """Returns what an error says, without what Keras puts around it."""
    said, _, _ = one_line(error).partition(" Arguments received by ")
    return said.rpartition("Error encountered: ")[2][:500]


def _look_here() -> None:
    """Lets modules of the working directory be found, also those just written."""
    # A script's own folder is on the path, the working directory not, unless it is asked for.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()


def _sources(name: str) -> list[Path]:
    """Returns the source files of a module and of the packages that it is in, outermost first."""
    if not _MODULE.fullmatch(name) or name.partition(".")[0] in sys.stdlib_module_names:
        raise SensoriumError(f"module {name!r}: expected a module of custom parts")
    _look_here()
    sources, places, so_far = [], None, ""
    for component in name.split("."):
        so_far = f"{so_far}.{component}".lstrip(".")
        # Unlike importlib.util.find_spec this imports no package on the way.
        found = (finder.find_spec(so_far, places, None) for finder in sys.meta_path)
        spec = next((each for each in found if each is not None), None)
        if spec is None:
            raise SensoriumError(f"module {name!r}: is not found")
        if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            sources.append(Path(spec.origin))
        elif spec.submodule_search_locations is None:
            raise SensoriumError(f"module {name!r}: is not Python source")
        places = spec.submodule_search_locations or []
    return sources


def _digest(sources: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for path in sources:
        # The place as well: who sends a run does not know where it will lie.
        content.update(hashlib.sha256(str(path.resolve()).encode()).digest())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()
