"""A simulated mouse that sees movies, on disk: its recording, and beside it the truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import Challenge, sensorium2023
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.progress import progress
from sensorium_tf.recordings.movie_truth import write_movie_truth
from sensorium_tf.recordings.movie_writer import write_movie_recording
from sensorium_tf.simulation.behavior import sample_frame_state
from sensorium_tf.simulation.movie_population import MovieFields, sample_movie_population
from sensorium_tf.simulation.moving_stimuli import OUT_OF_DOMAIN, natural_movie
from sensorium_tf.simulation.settings import SimulationSettings

_ORACLE_CLIPS = 6
_CALIBRATION_CLIPS = 3
# Share of the clips that are shorter than the others, and the shortest of these.
_SHORTER, _SHORTEST = 0.2, 0.7


@dataclass(frozen=True, eq=False)
class _Schedule:
    """What is shown in each trial, `(trials,)` each: tier, movie, its kind and its frames."""

    tiers: np.ndarray
    videos: np.ndarray
    kinds: np.ndarray
    n_frames: np.ndarray


def simulate_movie_recording(
    output_dir: str | Path,
    *,
    session_key: str | None = None,
    n_neurons: int = SimulationSettings.neurons,
    n_clips: int = SimulationSettings.clips,
    n_frames: int = SimulationSettings.frames,
    n_repeats: int = SimulationSettings.repeats,
    seed: int = SimulationSettings.seed,
    competition: bool = SimulationSettings.competition,
    challenge: Challenge = sensorium2023.CHALLENGE,
) -> Path:
    """Simulates a mouse that sees movies and writes it in the published file tree.

    The training tier shows each movie once, the others repeat theirs; the bonus tiers show
    gratings, dots and noise. Some movies are shorter than others, by any number of frames. Memory
    holds one trial. Beside the recording, `<stem>_truth.npz` keeps rates, withheld responses and
    what each neuron responds to, as of `recordings.MovieTruth`.

    Args:
        output_dir: Folder to write to; it is made where it is missing.
        session_key: Animal, session and scan; it names the file. The challenge's first mouse's if
            left out; another session is another mouse for the same seed.
        n_neurons: Number of neurons.
        n_clips: Movies shown once, for training.
        n_frames: Frames of the longest movies.
        n_repeats: How often each other movie is shown.
        seed: Equal arguments give equal files, byte for byte.
        competition: Whether there are all test tiers, with zeros in place of their responses, not
            the live ones alone, with their responses.
        challenge: The benchmark whose form the file has.

    Returns:
        Path of the zip file.

    Raises:
        SensoriumError: If an argument is out of range or a file cannot be written.
    """
    session_key = challenge.example_session if session_key is None else session_key
    stem = challenge.recording_stem(session_key)
    smallest = {"neurons": 1, "clips": 2, "frames": challenge.skip_frames + 1, "repeats": 2}
    given = {"neurons": n_neurons, "clips": n_clips, "frames": n_frames, "repeats": n_repeats}
    for name, least in {**smallest, "seed": 0}.items():
        if (value := {**given, "seed": seed}[name]) < least:
            raise SensoriumError(f"simulated movies: {name} {value}: expected at least {least}")
    entropy = [seed, *(int(part) for part in session_key.split("-"))]
    population_rng, order_rng, state_rng, noise_rng = np.random.default_rng(entropy).spawn(4)
    size = challenge.recording.image_shape[:2]
    population = sample_movie_population(n_neurons, population_rng, size=size)
    schedule = _schedule(n_clips, n_frames, n_repeats, competition, challenge, order_rng)
    fields = MovieFields(
        population,
        [
            natural_movie(n_frames, size, challenge.frame_rate, population_rng)
            for _ in range(_CALIBRATION_CLIPS)
        ],
        frame_rate=challenge.frame_rate,
    )
    path = expand(output_dir) / f"{stem}.zip"
    n_trials = len(schedule.tiers)
    trial_ids = order_rng.permutation(n_trials)
    amplitudes = population.static.amplitudes.astype(np.float32)
    weights = population.static.state_weights[:, [0, 2]].T.astype(np.float32)

    def trials() -> Iterator[dict[str, np.ndarray]]:
        # The truth is there when the last trial is: where there is a recording, there is its truth.
        with write_movie_truth(
            path.with_name(f"{stem}_truth.npz"),
            trials={
                "tiers": schedule.tiers,
                "trial_ids": trial_ids,
                "video_ids": schedule.videos,
                "n_frames": schedule.n_frames,
            },
            unit_ids=population.static.unit_ids,
            neurons=population.tuning(),
        ) as add_truth:
            for index in progress(range(n_trials), "simulating trials"):
                video, frames = schedule.videos[index], int(schedule.n_frames[index])
                kind = schedule.kinds[index]
                draw = OUT_OF_DOMAIN.get(kind, natural_movie)
                # Each time it is shown a movie is drawn anew, rather than kept.
                video_rng = np.random.default_rng([*entropy, int(video)])
                movie = np.rint(draw(frames, size, challenge.frame_rate, video_rng))
                state = sample_frame_state(frames, challenge.frame_rate, state_rng)
                rates = fields.rates(movie, state.arousal @ weights)
                responses = fields.sample(rates, noise_rng) * amplitudes
                add_truth(index, rates * amplitudes, responses)
                yield {
                    "video": movie[..., None],
                    "response": responses,
                    "behavior": state.behavior,
                    "pupil_center": state.pupil_center,
                }

    return write_movie_recording(
        path,
        trials(),
        session_key=session_key,
        tiers=schedule.tiers,
        trial_ids=trial_ids,
        unit_ids=population.static.unit_ids,
        cell_motor_coordinates=population.static.coordinates,
        length=n_frames,
        withheld=challenge.test_tiers if competition else (),
        challenge=challenge,
    )


def _schedule(
    n_clips: int,
    n_frames: int,
    n_repeats: int,
    competition: bool,
    challenge: Challenge,
    rng: np.random.Generator,
) -> _Schedule:
    """Returns what is shown in each trial, in a random order."""
    train, oracle, *_ = challenge.tiers
    n_repeated = max(2, min(_ORACLE_CLIPS, n_clips // 4))
    blocks = [(train, n_clips, 1), (oracle, n_repeated, n_repeats)]
    for tier in challenge.test_tiers:
        if competition or tier.startswith("live"):
            blocks.append((tier, n_repeated, n_repeats))
    tiers, videos, kinds, first = [], [], [], 0
    for tier, n_distinct, repeats in blocks:
        for number in range(n_distinct):
            kind = "natural"
            if tier.endswith("bonus"):
                kind = list(OUT_OF_DOMAIN)[number % len(OUT_OF_DOMAIN)]
            tiers += [tier] * repeats
            videos += [first + number] * repeats
            kinds += [kind] * repeats
        first += n_distinct
    shortest = max(challenge.skip_frames + 1, round(_SHORTEST * n_frames))
    lengths = np.where(
        rng.random(first) < _SHORTER, rng.integers(shortest, n_frames + 1, first), n_frames
    )
    order = rng.permutation(len(tiers))
    videos = np.array(videos)[order]
    return _Schedule(np.array(tiers)[order], videos, np.array(kinds)[order], lengths[videos])
