"""How alike two populations, or two models, represent the same images."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.tables import Table
from sensorium_tf.insilico.saved import Saved, axes
from sensorium_tf.plotting.style import COLORMAP, TICK, checked, color_bar, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST_IMAGES = 4


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RepresentationComparison(Saved):
    """How alike some representations of the same images are.

    Attributes:
        names: What each is called.
        settings: What else is known of it, such as which images: JSON values.
        cka: `(representations, representations)`, unbiased linear CKA.
        dissimilarities: `(representations, images, images)`, their dissimilarity matrices.
        rdm_correlations: `(representations, representations)`, correlations of these above their
            diagonal.
    """

    names: tuple[str, ...]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cka: np.ndarray = axes("representations representations")
    dissimilarities: np.ndarray = axes("representations images images")
    rdm_correlations: np.ndarray = axes("representations representations")

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(self.names))  # a list in a file

    def rows(self) -> Table:
        """Returns, for each pair of representations, how alike they are."""
        return Table(
            {
                "first": self.names[first],
                "second": self.names[second],
                "cka": float(self.cka[first, second]),
                "rdm_correlation": float(self.rdm_correlations[first, second]),
            }
            for first, second in itertools.combinations(range(len(self.names)), 2)
        )

    def figure(self) -> "Figure":
        """Returns a figure of both tables."""
        figure = new_figure(7.5, 3.5)
        tables = {"linear CKA": self.cka, "correlation of RDMs": self.rdm_correlations}
        for panel, (title, table) in zip(figure.subplots(1, 2), tables.items(), strict=True):
            shown = panel.imshow(table, cmap=COLORMAP, vmin=0, vmax=1)
            panel.set_title(title, fontsize=TICK)
            places = range(len(self.names))
            panel.set_xticks(places, self.names, fontsize=TICK, rotation=45, ha="right")
            panel.set_yticks(places, self.names, fontsize=TICK)
            color_bar(figure, shown, panel, title)
        return figure


def compare_representations(
    representations: Mapping[str, ArrayLike],
) -> RepresentationComparison:
    """Compares rates or responses of several populations to the same images.

    Args:
        representations: Name to `(images, neurons)`, such as `Neurons(model).rates(images)`; the
            images are the same, the neurons may be others.

    Raises:
        SensoriumError: If there are fewer than two, or they are of different images.
    """
    if len(representations) < 2:
        raise SensoriumError("a comparison needs two representations or more")
    names = tuple(representations)
    arrays = [*_checked(representations).values()]
    rdms = np.stack([dissimilarity_matrix(each) for each in representations.values()])
    above = np.triu_indices(rdms.shape[1], 1)
    cka = np.ones((len(names), len(names)))
    for first, second in itertools.combinations(range(len(names)), 2):
        cka[first, second] = cka[second, first] = linear_cka(arrays[first], arrays[second])
    return RepresentationComparison(
        names=names,
        cka=cka,
        dissimilarities=rdms,
        rdm_correlations=np.corrcoef(rdms[:, above[0], above[1]]),
    )


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Returns the unbiased linear centred kernel alignment of two representations.

    It is 1 for representations that differ by a rotation and a scale, and about 0, at times below,
    for independent ones, however many neurons there are. Source: Kornblith et al. 2019, "Similarity
    of neural network representations revisited", with the unbiased estimator of Song et al. 2012.

    Args:
        first: `(images, neurons)`, 4 images or more.
        second: `(images, other neurons)`.

    Raises:
        SensoriumError: If they are of different images, of too few, or constant.
    """
    arrays = _checked({"first": first, "second": second})
    kernels = [_hollow(each @ each.T) for each in arrays.values()]
    shared, *own = (_hsic(*pair) for pair in (kernels, kernels[:1] * 2, kernels[1:] * 2))
    if not min(own) > 0:
        raise SensoriumError("linear CKA: a representation is the same for all images")
    return float(shared / np.sqrt(own[0] * own[1]))


def dissimilarity_matrix(rates: ArrayLike) -> np.ndarray:
    """Returns 1 less the correlation, over neurons, of the rates to each pair of images.

    Args:
        rates: `(images, neurons)`, two neurons or more.

    Returns:
        `(images, images)`, zeros on the diagonal. Source: Kriegeskorte et al. 2008,
        "Representational similarity analysis".

    Raises:
        SensoriumError: If an image has the same rate in all neurons.
    """
    (rates,) = checked({"rates": (rates, "images neurons")})
    centred = rates - rates.mean(1, keepdims=True, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise SensoriumError(
            f"rates: all neurons answer alike to image {int(np.argmin(lengths))}: it has no "
            "correlation with others"
        )
    centred = centred / lengths
    matrix = 1 - centred @ centred.T
    np.fill_diagonal(matrix, 0)
    return matrix


def _checked(representations: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    shapes = {
        name: (values, f"images neurons_{number}")
        for number, (name, values) in enumerate(representations.items())
    }
    arrays = [np.asarray(each, np.float64) for each in checked(shapes)]
    if len(arrays[0]) < _FEWEST_IMAGES:
        raise SensoriumError(f"representations: {_FEWEST_IMAGES} images are the fewest")
    # CKA does not depend on the mean; without it, less is lost to rounding.
    return {name: each - each.mean(0) for name, each in zip(representations, arrays, strict=True)}


def _hollow(kernel: np.ndarray) -> np.ndarray:
    np.fill_diagonal(kernel, 0)
    return kernel


def _hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the unbiased HSIC of two kernels without diagonal (Song et al. 2012, equation 5)."""
    n = len(first)
    whole = first.sum() * second.sum() / ((n - 1) * (n - 2))
    rows = 2 * first.sum(0) @ second.sum(0) / (n - 2)
    return float((np.sum(first * second) + whole - rows) / (n * (n - 3)))
