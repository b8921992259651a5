"""What decides which experiments are done on which neurons, as flags name it."""

import dataclasses

from sensorium_tf.config import Config, check_names, setting
from sensorium_tf.errors import SensoriumError

#: How the gradient of an ascent is made smooth: by a blur, or as in Walker et al. 2019.
METHODS = ("norm", "walker2019")
#: Name of each experiment to what it is, in a few words.
EXPERIMENTS = {
    "rf": "receptive fields at natural images",
    "sta": "spike-triggered averages",
    "tuning": "tuning to orientation",
    "frequency": "tuning to spatial frequency",
    "gabor": "best Gabor patches",
    "natural": "best natural images",
    "mei": "most exciting images",
    "lei": "least exciting images",
    "cautious": "exciting images near the best Gabor patches",
    "diverse": "diverse exciting images",
    "size": "tuning to size",
    "contrast": "tuning to contrast",
    "surround": "exciting surrounds",
    "attribution": "attribution of rates to pixels",
    "direction": "tuning to direction of motion",
    "temporal_frequency": "tuning to temporal frequency",
    "movie": "most exciting movies",
    "reconstruct": "images from responses of all neurons",
    "compare": "representations by model and mouse",
}
#: Those that show movies, to models of movies; the others show images.
MOVIE_EXPERIMENTS = ("direction", "temporal_frequency", "movie")
_USUAL = ("rf", "tuning", "mei")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AscentSettings(Config):
    """How images are optimised, and what is drawn for it."""

    title = "optimised images"

    method: str = setting(
        "norm",
        "How gradients are made smooth: norm (by a blur) or walker2019 (power over frequency).",
        choices=METHODS,
    )
    norm: float | None = setting(
        None,
        "Euclidean norm of the images, or whole movies, in the model's units, one that a display "
        "can show; by default of a quarter of the training images' contrast.",
        above=0,
    )
    steps: int = setting(1000, "Of each gradient ascent, at most.", at_least=1)
    seed: int = setting(
        0, "Of what is drawn, such as the noise that an ascent begins from.", at_least=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentSettings(Config):
    """Experiments on a model, and on which of its neurons."""

    title = "experiments"

    do: tuple[str, ...] = setting(
        (),
        "Which, joined by commas, of "
        f"{', '.join(each for each in EXPERIMENTS if each not in MOVIE_EXPERIMENTS)} (by default "
        f"{','.join(_USUAL)}) or, for a model of movies, of {', '.join(MOVIE_EXPERIMENTS)} (by "
        "default all of these).",
        essential=True,
    )
    unit_ids: tuple[int, ...] = setting((), "Neurons by unit id, joined by commas.", essential=True)
    columns: tuple[int, ...] = setting((), "Neurons by 0-based column of the rates instead.")
    best: int | None = setting(
        None,
        "So many neurons instead, those whose validation responses are predicted best.",
        at_least=1,
        essential=True,
    )
    starts: int = setting(
        4, "From how many noises the most exciting images or movies begin; two go on.", at_least=1
    )
    ascent: AscentSettings = dataclasses.field(
        default_factory=AscentSettings, metadata={"doc": "Of images that are optimised."}
    )

    def __post_init__(self):
        super().__post_init__()
        check_names(self.do, EXPERIMENTS, "experiment")
        given = [name for name in ("unit_ids", "columns", "best") if getattr(self, name)]
        if len(given) != 1:
            raise SensoriumError("neurons: give either --unit_ids or --columns or --best")

    def experiments(self, *, movies: bool) -> tuple[str, ...]:
        """Returns which are done.

        Args:
            movies: Whether the model is one of movies.
        """
        return self.do or (MOVIE_EXPERIMENTS if movies else _USUAL)
