"""A simulated mouse: a recording whose true rates are known."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.simulation.behavior import AnimalState, n_further, sample_state
from sensorium_tf.simulation.hidden import HiddenState
from sensorium_tf.simulation.images import at_model_scale, sample_images
from sensorium_tf.simulation.population import (
    Population,
    ReceptiveFields,
    sample_population,
)
from sensorium_tf.simulation.settings import SimulationSettings
from sensorium_tf.specs import RecordingSpec

# Sizes of calcium events vary as a gamma distribution of this shape.
_EVENT_SHAPE = 2.0
_SMALLEST_IMAGE = 8  # pixels, along each axis
_CHUNK_TRIALS, _CHUNK_VALUES = 512, 1 << 22


@dataclasses.dataclass(frozen=True, eq=False)
class SimulatedMouse:
    """A recording of a simulated mouse, nothing withheld.

    Attributes:
        session_key: Animal, session and scan.
        images: `(trials, height, width, channels)` uint8.
        rates: `(trials, neurons)` float32, the expected response given the image, what the animal
            does and, where there are any, a hidden gain, fluctuations and adaptation.
        responses: `(trials, neurons)` float32, what was measured.
        signals: Each context signal of the recording, `(trials, columns)` float32: behavior (pupil
            dilation, its derivative, running speed), pupil center (horizontal, vertical) and any
            further one.
        tiers: `(trials,)` strings.
        image_ids: `(trials,)` int64.
        trial_ids: `(trials,)` int64 (the order in time) or, in competition form, md5 strings.
        population: The neurons and what they respond to.
    """

    session_key: str
    images: np.ndarray
    rates: np.ndarray
    responses: np.ndarray
    signals: Mapping[str, np.ndarray]
    tiers: np.ndarray
    image_ids: np.ndarray
    trial_ids: np.ndarray
    population: Population


def simulate_mouse(
    *,
    session_key: str = SimulationSettings.session,
    n_neurons: int = SimulationSettings.neurons,
    n_images: int = SimulationSettings.images,
    n_repeats: int = SimulationSettings.repeats,
    seed: int = SimulationSettings.seed,
    competition: bool = SimulationSettings.competition,
    spec: RecordingSpec | None = None,
    hidden: HiddenState | None = None,
    challenge: Challenge = DEFAULT,
) -> SimulatedMouse:
    """Simulates a recording of V1.

    Args:
        session_key: Animal, session and scan; another session is another mouse for the same seed.
        n_neurons: Number of neurons.
        n_images: Images shown once, for training and validation (9 to 1). The test tiers have
            `max(10, n_images // 50)` other images each.
        n_repeats: How often each test image is shown.
        seed: A non-negative integer; everything is drawn from it and the session key.
        competition: Whether there are all test tiers, not the first one alone, and trial ids are
            hashed.
        spec: What is recorded: size and colours of the images, the context signals and their
            columns; the challenge's if left out. An animal whose behavior is not recorded moves all
            the same; behaviors beyond three and further signals change the rates, too.
        hidden: What moves the rates beside image and animal; nothing if left out.
        challenge: Whose form session keys and the sizes of model images have.

    Returns:
        The recording with its true rates; nothing in it is withheld.

    Raises:
        SensoriumError: If an argument is out of range.
    """
    challenge.recording_stem(session_key)
    _check_at_least(n_neurons=(n_neurons, 1), n_images=(n_images, 10), n_repeats=(n_repeats, 2))
    _check_at_least(seed=(seed, 0))
    spec = spec or challenge.recording
    _check_spec(spec)
    entropy = [seed, *(int(part) for part in session_key.split("-"))]
    image_rng, population_rng, state_rng, order_rng, noise_rng, hidden_rng = np.random.default_rng(
        entropy
    ).spawn(6)

    tiers, shown = _schedule(n_images, n_repeats, competition, challenge, order_rng)
    n_trials, n_distinct = len(shown), shown.max() + 1
    images = sample_images(n_distinct, spec.image_shape, image_rng)
    image_ids = 1 + order_rng.permutation(max(9000, 2 * n_distinct))[:n_distinct]
    population = sample_population(
        n_neurons,
        population_rng,
        size=challenge.input_size(spec),
        n_channels=images.shape[-1],
        n_further=n_further(spec),
    )
    state = sample_state(n_trials, state_rng, n_further=n_further(spec))
    hidden = hidden or HiddenState()
    log_gain = hidden.log_gain(n_trials, n_neurons, hidden_rng)
    rates, responses = _respond(
        population, images, shown, state, noise_rng, log_gain=log_gain, adapt=hidden.adapt
    )

    trial_ids = np.arange(n_trials)
    if competition:
        names = (f"{session_key}-{trial}".encode() for trial in trial_ids)
        trial_ids = np.array([hashlib.md5(name).hexdigest() for name in names])
    # As in the published files, the number of a trial in the file says nothing of its time.
    order = order_rng.permutation(n_trials)
    return SimulatedMouse(
        session_key=session_key,
        images=images[shown[order]],
        rates=rates[order],
        responses=responses[order],
        signals={name: values[order] for name, values in state.recorded(spec).items()},
        tiers=tiers[order],
        image_ids=image_ids[shown[order]].astype(np.int64),
        trial_ids=trial_ids[order],
        population=population,
    )


def _check_spec(spec: RecordingSpec) -> None:
    height, width, n_channels = spec.image_shape
    _check_at_least(
        image_height=(height, _SMALLEST_IMAGE),
        image_width=(width, _SMALLEST_IMAGE),
        channels=(n_channels, 1),
        **{f"columns of {each.name}": (each.shape[0], 1) for each in spec.context},
    )


def _check_at_least(**arguments: tuple[int, int]) -> None:
    for name, (value, smallest) in arguments.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < smallest:
            raise SensoriumError(
                f"simulated mouse: {name} must be a whole number of at least {smallest}, "
                f"received {value!r}"
            )


def _schedule(
    n_images: int,
    n_repeats: int,
    competition: bool,
    challenge: Challenge,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tier and the image (a number) of every trial, in a random order."""
    n_validation = max(1, round(n_images / 10))
    n_repeated = max(10, n_images // 50)
    train, validation, *_ = challenge.tiers
    blocks = [(train, n_images - n_validation, 1), (validation, n_validation, 1)]
    tests = list(challenge.test_tiers)
    blocks += [(tier, n_repeated, n_repeats) for tier in (tests if competition else tests[:1])]
    tiers, shown, first = [], [], 0
    for tier, n_distinct, repeats in blocks:
        shown.append(np.repeat(np.arange(first, first + n_distinct), repeats))
        tiers.append(np.full(n_distinct * repeats, tier, "<U10"))
        first += n_distinct
    order = rng.permutation(sum(map(len, shown)))
    return np.concatenate(tiers)[order], np.concatenate(shown)[order]


def _respond(
    population: Population,
    images: np.ndarray,
    shown: np.ndarray,
    state: AnimalState,
    rng: np.random.Generator,
    *,
    log_gain: np.ndarray | None,
    adapt: Callable[[np.ndarray], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns rates and responses, each `(trials, neurons)` float32.

    Responses are sums of calcium events whose number is Poisson distributed and whose sizes are
    gamma distributed: mostly zero, never negative, with a long tail. Given a rate of m events of
    mean size 1, their variance is m (1 + 1 / shape); so the mean number of events sets how well
    rate and response correlate.
    """
    scaled = at_model_scale(images, population.size)
    fields = ReceptiveFields(population, scaled)
    log_gains = state.arousal @ population.state_weights.T.astype(np.float32)
    log_gains += state.further @ population.further_weights.T.astype(np.float32)
    if log_gain is not None:
        log_gains += log_gain
    gain = np.exp(log_gains)
    rates = np.empty(gain.shape, np.float32)
    chunks = _chunks(*rates.shape)
    for chunk in chunks:
        rates[chunk] = fields.drive(scaled[shown[chunk]], state.gaze[chunk])
    rates /= rates.mean(0, dtype=np.float64).astype(np.float32)
    rates += population.baselines.astype(np.float32)
    rates *= gain
    adapt(rates)

    mean, variance = rates.mean(0, dtype=np.float64), rates.var(0, dtype=np.float64)
    explained = population.reliabilities**2
    noise_per_event = 1 + 1 / _EVENT_SHAPE
    events = noise_per_event * explained / (1 - explained) * mean**2 / variance
    rates *= (events / mean).astype(np.float32)
    responses = np.empty_like(rates)
    for chunk in chunks:
        counts = rng.poisson(rates[chunk])
        responses[chunk] = rng.standard_gamma(_EVENT_SHAPE * counts) / _EVENT_SHAPE
    amplitudes = population.amplitudes.astype(np.float32)
    rates *= amplitudes
    responses *= amplitudes
    return rates, responses


def _chunks(n_trials: int, n_neurons: int) -> list[slice]:
    size = max(1, min(_CHUNK_VALUES // n_neurons, _CHUNK_TRIALS))
    return [slice(start, start + size) for start in range(0, n_trials, size)]
