"""Which function each experiment of `EXPERIMENTS` is, and what it is called with."""

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sensorium_tf.insilico.attributing import Attribution, attribution
from sensorium_tf.insilico.cautious import CautiousImages, cautious_exciting_image
from sensorium_tf.insilico.diverse import DiverseImages, diverse_exciting_images
from sensorium_tf.insilico.exciting import (
    BestNaturalImages,
    MostExcitingImages,
    best_natural_image,
    most_exciting_image,
)
from sensorium_tf.insilico.exciting_movies import (
    MostExcitingMovies,
    most_exciting_movie,
    movie_shape,
)
from sensorium_tf.insilico.gabors import BestGabors, best_gabor
from sensorium_tf.insilico.maps import ReceptiveFieldMaps, receptive_fields, triggered_averages
from sensorium_tf.insilico.motion import (
    DirectionTuning,
    TemporalFrequencyTuning,
    direction_tuning,
    temporal_frequency_tuning,
)
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.patches import (
    ContrastTuning,
    SizeTuning,
    contrast_tuning,
    size_tuning,
)
from sensorium_tf.insilico.reconstruction import Reconstructions, reconstruct
from sensorium_tf.insilico.representations import (
    RepresentationComparison,
    compare_representations,
)
from sensorium_tf.insilico.saved import Saved
from sensorium_tf.insilico.settings import ExperimentSettings
from sensorium_tf.insilico.surrounds import SurroundImages, surround_image
from sensorium_tf.insilico.tuning import (
    OrientationTuning,
    SpatialFrequencyTuning,
    orientation_tuning,
    spatial_frequency_tuning,
)
from sensorium_tf.runs import Run

_ASCENT = ("method", "norm", "steps", "seed")
_HELD_OUT = "validation"
# Neurons that are shown the same movies, which take longer than what is made of the rates.
_TOGETHER = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class Verb:
    """An experiment, as a command does it.

    Attributes:
        kind: What it gives.
        function: From `Neurons` and options to that.
        taken: Which settings are options of the function.
        fixed: Further options.
        begins_with: An option that is another experiment's result: its name, and the other one;
            None without.
        shape: From neurons to the shape of the images or movies that have the norm.
        batch: How many neurons are worked on, and saved, at once.
    """

    kind: type[Saved]
    function: Callable[..., Saved]
    taken: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    begins_with: tuple[str, str] | None = None
    shape: Callable[[Neurons], tuple[int, ...]] = operator.attrgetter("image_shape")
    batch: int = 16

    def options(self, settings: ExperimentSettings) -> dict[str, Any]:
        """Returns what the function is called with besides neurons."""
        given = {**settings.ascent.to_json(), "n_starts": settings.starts}
        return {**{name: given[name] for name in self.taken}, **self.fixed}


@dataclasses.dataclass(frozen=True, eq=False)
class WholeVerb:
    """An experiment on all neurons of a mouse together, whichever are chosen.

    Attributes:
        kind: What it gives.
        function: From a run and `Neurons` to that.
    """

    kind: type[Saved]
    function: Callable[[Run, Neurons], Saved]


def _attributed(neurons: Neurons, *, n_images: int) -> Attribution:
    return attribution(neurons, _grey(neurons, _held_out(neurons, n_images)[0]))


def _reconstructed(run: Run, neurons: Neurons) -> Reconstructions:
    images, responses = _held_out(neurons, 20)
    return reconstruct(neurons, responses, images=_grey(neurons, images))


def _compared(run: Run, neurons: Neurons) -> RepresentationComparison:
    """Compares the mouse, the model and its members by their answers to held-out images."""
    images, responses = _held_out(neurons, 200)
    # Neurons that all answer alike, such as not at all, correlate with nothing.
    tell = np.ptp(responses, axis=1) > 0
    images, responses = images[tell], responses[tell]
    members = {
        name: Neurons(each, mouse=neurons.mouse, state=neurons.state)
        for name, each in run.members.items()
    }
    models = {"model": neurons, **members}
    rates = {name: each.rates(images) for name, each in models.items()}
    found = compare_representations({"responses": responses, **rates})
    return dataclasses.replace(
        found, settings={"mouse": neurons.mouse, "tier": _HELD_OUT, "n_images": len(images)}
    )


def _held_out(neurons: Neurons, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns images, in the model's units, and responses of the first validation trials."""
    trials = neurons.recording.trials(_HELD_OUT)
    return trials.images[:number], trials.responses[:number, neurons.columns]


def _grey(neurons: Neurons, images: np.ndarray) -> np.ndarray:
    return np.clip(neurons.to_grey(images), 0, 255)  # of rounding there and back


#: Name to experiment on chosen neurons, which a command does batch by batch.
VERBS = {
    "rf": Verb(ReceptiveFieldMaps, receptive_fields, ("seed",), {"at": "natural", "n_images": 30}),
    "sta": Verb(ReceptiveFieldMaps, triggered_averages),
    "tuning": Verb(OrientationTuning, orientation_tuning, ("seed",)),
    "frequency": Verb(SpatialFrequencyTuning, spatial_frequency_tuning),
    "gabor": Verb(BestGabors, best_gabor, ("norm",)),
    "natural": Verb(BestNaturalImages, best_natural_image, ("norm",)),
    "mei": Verb(MostExcitingImages, most_exciting_image, (*_ASCENT, "n_starts")),
    "lei": Verb(MostExcitingImages, most_exciting_image, (*_ASCENT, "n_starts"), {"sign": -1}),
    "cautious": Verb(
        CautiousImages, cautious_exciting_image, ("norm",), begins_with=("gabors", "gabor")
    ),
    "diverse": Verb(DiverseImages, diverse_exciting_images, _ASCENT),
    "size": Verb(SizeTuning, size_tuning, begins_with=("gabors", "gabor")),
    "contrast": Verb(ContrastTuning, contrast_tuning, begins_with=("gabors", "gabor")),
    "surround": Verb(SurroundImages, surround_image, _ASCENT, begins_with=("centers", "mei")),
    "attribution": Verb(Attribution, _attributed, (), {"n_images": 4}),
    "direction": Verb(DirectionTuning, direction_tuning, ("seed",), batch=_TOGETHER),
    "temporal_frequency": Verb(TemporalFrequencyTuning, temporal_frequency_tuning, batch=_TOGETHER),
    "movie": Verb(
        MostExcitingMovies, most_exciting_movie, (*_ASCENT, "n_starts"), shape=movie_shape
    ),
}
#: Name to experiment on all neurons together.
WHOLE_VERBS = {
    "reconstruct": WholeVerb(Reconstructions, _reconstructed),
    "compare": WholeVerb(RepresentationComparison, _compared),
}
