"""What a model is made of, by name: presets, parts and their most used options."""

import dataclasses
import re
import types
from collections.abc import Iterator

from sensorium_tf.config import Config, hint, setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.registry import CORES, MODULATORS, SHIFTERS, Part
from sensorium_tf.specs import Track

#: What stands for no shifter or modulator.
NONE = "none"
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The parts of a model.

    Attributes:
        core: From images to features.
        readout: From features to drives.
        shifter: From pupil centers to shifts; None for none.
        modulator: What acts on the rates; None for none.
        nonlinearity: From drives to rates; None for `elu + 1`.
    """

    core: Part
    readout: Part
    shifter: Part | None = None
    modulator: Part | None = None
    nonlinearity: Part | None = None


#: Name to the parts that it stands for: the published baselines (arXiv 2206.08666).
PRESETS = types.MappingProxyType(
    {
        "cnn": Architecture(Part("sensorium"), Part("gaussian"), Part("mlp")),
        # The same without nonlinearities in the core, and with a block less.
        "ln": Architecture(
            Part("sensorium", {"activation": "linear", "n_blocks": 2}),
            Part("gaussian"),
            Part("mlp"),
        ),
    }
)

_OF_MOVIES = Part("gaussian", {"sigma_init": 1.0, "feature_penalty": 0.0})

#: The same names where the stimulus is a movie: the baselines of Sensorium 2023 (arXiv 2305.19654).
MOVIE_PRESETS = types.MappingProxyType(
    {
        "cnn": Architecture(Part("factorised_3d"), _OF_MOVIES, Part("mlp")),
        # The same without nonlinearities in the core: linear in space and time.
        "ln": Architecture(
            Part("factorised_3d", {"activation": "linear"}), _OF_MOVIES, Part("mlp")
        ),
    }
)

#: Flag to where it belongs: the kind of part, its name, and what the part calls the option.
SHORTHANDS = types.MappingProxyType(
    {
        **{
            name: ("core", "sensorium", name)
            for name in (
                "hidden_channels",
                "input_kernel",
                "hidden_kernel",
                "n_blocks",
                "laplace_penalty",
            )
        },
        **{
            name: ("readout", "gaussian", name)
            for name in ("covariance", "positions", "sigma_init", "feature_penalty")
        },
        "position_hidden_units": ("readout", "gaussian", "hidden_units"),
        "shifter_hidden_units": ("shifter", "mlp", "hidden_units"),
        "shifter_layers": ("shifter", "mlp", "n_layers"),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings(Config):
    """What a model is made of; the defaults are the published CNN, of images or of movies.

    A part is written as its name, with options where they differ from its own: `sensorium` or
    `sensorium(hidden_channels=32)`. The single options below are shorthands for those of the
    baselines' parts; left out (None) they are the part's own.

    Raises:
        SensoriumError: If a value is not possible, or one does not go with another.
    """

    title = "model"

    model: str = setting(
        "cnn",
        "Preset of parts, cnn or ln; or package.module:function that builds a custom model.",
        essential=True,
    )
    core: str | None = setting(
        None,
        "Core instead of the preset's, with its options, such as sensorium(n_blocks=1).",
        essential=True,
    )
    readout: str | None = setting(
        None, "Readout instead of the preset's, with its options.", essential=True
    )
    shifter: str | None = setting(
        None,
        "Shifter instead of the preset's, with its options; none: no shifter.",
        off=NONE,
    )
    modulator: str | None = setting(
        None, "Modulator of the rates, with its options; none: no modulator.", off=NONE
    )
    nonlinearity: str | None = setting(
        None,
        "From drives to rates, with its options; none: elu + 1.",
        off=NONE,
    )
    hidden_channels: int | None = setting(None, "Channels of the core's layers.", at_least=1)
    input_kernel: int | None = setting(
        None, "Size of the kernels of the core's first layer, in pixels.", at_least=1
    )
    hidden_kernel: int | None = setting(
        None, "Size of the core's depthwise kernels, in pixels.", at_least=1
    )
    n_blocks: int | None = setting(
        None, "Blocks after the core's first layer.", at_least=0, at_most=1000
    )
    laplace_penalty: float | None = setting(
        None, "Penalty on the roughness of the core's first layer.", at_least=0
    )
    covariance: str | None = setting(
        None,
        "Of the readout's sampled positions.",
        choices=("full", "uncorrelated", "isotropic"),
    )
    positions: str | None = setting(
        None,
        "Predicted from cortex, free, or scattered around those predicted.",
        choices=("predicted", "free", "scattered"),
    )
    position_hidden_units: int | None = setting(
        None, "Hidden units of the network that predicts positions.", at_least=1
    )
    sigma_init: float | None = setting(
        None, "Range of the positions' width at the start.", at_least=0
    )
    feature_penalty: float | None = setting(
        None, "Penalty on the size of the readouts' features.", at_least=0
    )
    shifter_hidden_units: int | None = setting(
        None, "Units of the shifter's hidden layers.", at_least=1
    )
    shifter_layers: int | None = setting(None, "Layers of the shifter.", at_least=1)

    def __post_init__(self):
        super().__post_init__()
        for kind in (field.name for field in dataclasses.fields(Architecture)):
            if (written := getattr(self, kind)) is not None:
                try:
                    part = Part.parse(written)
                except SensoriumError as e:
                    raise SensoriumError(f"{kind}: {e}") from e
                # However it was written, it is the same part.
                object.__setattr__(self, kind, str(part))
        if self.function is None:
            self.architecture()
            return
        for field in dataclasses.fields(self):
            if field.name != "model" and getattr(self, field.name) is not None:
                raise SensoriumError(
                    f"{field.name}: goes with {' and '.join(PRESETS)}, not with {self.model}, "
                    "which makes its own parts"
                )

    @property
    def name(self) -> str:
        """What the model is called: its preset or function, and the parts that were chosen."""
        kinds = [field.name for field in dataclasses.fields(Architecture)]
        chosen = [getattr(self, kind) for kind in kinds if getattr(self, kind) is not None]
        return " ".join([self.model, *chosen])

    @property
    def function(self) -> tuple[str, str] | None:
        """Module and name of the function that builds a custom model; None for a preset."""
        if _FUNCTION.fullmatch(self.model):
            module, _, name = self.model.partition(":")
            return module, name
        if self.model not in PRESETS:
            raise SensoriumError(
                f"model {self.model!r}: {hint(self.model, PRESETS)} (a custom model is written "
                "package.module:function)"
            )
        return None

    def architecture(self, *, movies: bool = False) -> Architecture:
        """Returns the parts of a preset, with all options that differ from the parts' own.

        Args:
            movies: Whether the model is given movies, for which the presets are others.

        Raises:
            SensoriumError: If a part cannot be read, or an option belongs to another part.
        """
        preset = (MOVIE_PRESETS if movies else PRESETS)[self.model]
        parts = {
            field.name: self._part(field.name, getattr(preset, field.name))
            for field in dataclasses.fields(Architecture)
        }
        for name, (kind, of, option) in self._shorthands():
            part = parts[kind]
            if part is None or part.name != of:
                there = "there is none" if part is None else f"this one is {part.name}"
                raise SensoriumError(f"{name}: goes with the {kind} {of}, but {there}")
            written = getattr(self, kind)
            if written is not None and option in Part.parse(written).options:
                raise SensoriumError(f"{name}: is given by {kind} {written!r}, too: leave one out")
            parts[kind] = part.with_options({option: getattr(self, name)})
        return Architecture(**parts)

    def extras(self, track: Track) -> tuple[str, ...]:
        """Returns the signals that models of a track are given beside the image.

        They are what the core, the shifter and the modulator take; for a custom model, which makes
        its own parts, the track's. Where the track shows its models the image alone there are none.

        Raises:
            SensoriumError: If there is no such core, shifter or modulator.
        """
        if self.function is not None or not track.context:
            return track.extras
        parts = self.architecture()
        taken = list(CORES[parts.core.name].inputs)
        if parts.shifter is not None:
            taken.append(SHIFTERS[parts.shifter.name].signal)
        if parts.modulator is not None:
            taken.extend(MODULATORS[parts.modulator.name].inputs)
        return tuple(dict.fromkeys(taken))

    @property
    def leaves_core(self) -> bool:
        """Whether nothing is said of the core, which a recipe may choose then."""
        shorthands = any(kind == "core" for _, (kind, *_) in self._shorthands())
        return self.core is None and not shorthands and self.model == type(self)().model

    @property
    def shares_weights(self) -> bool:
        """Whether its core has weights that mice share; unless it says otherwise, it has.

        Raises:
            SensoriumError: If there is no such core.
        """
        return self.core is None or CORES[Part.parse(self.core).name].is_trained

    @property
    def shifter_wanted(self) -> str | None:
        """The setting that asks for a shifter; None if none does."""
        names = [name for name, (kind, *_) in self._shorthands() if kind == "shifter"]
        asked = ["shifter"] if self.shifter not in (None, NONE) else []
        return next(iter([*asked, *names]), None)

    def _part(self, kind: str, preset: Part | None) -> Part | None:
        written = getattr(self, kind)
        if written is None:
            return preset
        part = Part.parse(written)
        if kind in ("shifter", "modulator", "nonlinearity") and part == Part(NONE):
            return None
        # A preset's part with other options is still the preset's.
        if preset is not None and preset.name == part.name:
            return preset.with_options(part.options)
        return part

    def _shorthands(self) -> Iterator[tuple[str, tuple[str, str, str]]]:
        for name, place in SHORTHANDS.items():
            if getattr(self, name) is not None:
                yield name, place
