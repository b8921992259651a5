"""All that training changes in a model: kept, put back, written down and read again."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sensorium_tf.models import FiringRateModel


class TrainedWeights:
    """A model's weights while it is trained, the best ones so far and the moving averages.

    Args:
        model: Compiled.
        averages: Moving averages of the trainable weights, which are scored and kept in their
            place; empty without.

    Attributes:
        best: The best weights so far, in the order of the model's.
    """

    def __init__(self, model: FiringRateModel, averages: Sequence):
        self._model = model
        self._averages = averages
        self.best: list[np.ndarray] = []

    def now(self) -> list[np.ndarray]:
        """Returns the weights as they are."""
        return [np.array(weight) for weight in self._model.get_weights()]

    def put(self, weights: list[np.ndarray]) -> None:
        """Gives the model other weights."""
        self._model.set_weights(weights)

    def keep_as_best(self) -> None:
        """Makes the weights that the model has the best ones."""
        self.best = self.now()

    def return_to_best(self) -> None:
        """Goes on from the best weights, the moving averages too."""
        self.put(self.best)
        for average, weight in zip(self._averages, self.best, strict=False):
            average.assign(weight)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Puts the averaged weights, if there are any, in the place of the trained ones."""
        if not self._averages:
            yield
            return
        with self._instead([np.array(average) for average in self._averages]):
            yield

    @contextlib.contextmanager
    def best_ones(self) -> Iterator[None]:
        """Puts the best weights in the place of the trained ones."""
        with self._instead(self.best):
            yield

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Takes back whatever changes inside, the state of the random numbers included."""
        before = [np.array(variable) for variable in self._variables()]
        yield
        for variable, value in zip(self._variables(), before, strict=True):
            variable.assign(value)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns all of it for a checkpoint."""
        arrays = {f"variable/{i}": np.asarray(v) for i, v in enumerate(self._variables())}
        return arrays | {f"best/{i}": weight for i, weight in enumerate(self.best)}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over what `arrays` returned.

        Raises:
            KeyError: If an array is missing.
            ValueError: If one has another shape.
        """
        variables = self._variables()
        values = [arrays[f"variable/{i}"] for i in range(len(variables))]
        best = [arrays[f"best/{i}"] for i in range(len(self._model.get_weights()))]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.best = best

    @contextlib.contextmanager
    def _instead(self, weights: list[np.ndarray]) -> Iterator[None]:
        trained = self.now()
        self.put(weights)
        try:
            yield
        finally:
            self.put(trained)

    def _variables(self) -> list:
        return [*self._model.variables, *self._model.optimizer.variables, *self._averages]
