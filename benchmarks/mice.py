"""The simulated mice that are measured on: made once, kept in the workspace."""

from pathlib import Path

# As the published recordings: 4,500 training and 500 validation trials, 100 test images shown ten
# times; the competition's mouse is the one whose submission is written.
TRAINED, SUBMITTED = "trained", "submitted"
_MICE = {
    TRAINED: ("27204-5-13", {"n_images": 5000, "n_repeats": 10}),
    # 20 test images shown fifty times are 1,000 trials as well, with fewer others.
    SUBMITTED: ("26872-17-20", {"n_images": 1000, "n_repeats": 50}),
}
_SUBMITTED_NEURONS = 7776
_MOVIES = {"n_clips": 40, "n_frames": 300, "n_repeats": 10}
_SMALL = {"n_neurons": 100, "n_images": 80, "n_repeats": 2}


def recording(workspace: Path, name: str, n_neurons: int, **sizes: int) -> Path:
    """Returns the zip of a mouse; simulates it, with other sizes if asked, if it is not there."""
    from sensorium_tf.simulation import simulate_recording

    folder = workspace / f"{name}_{n_neurons}"
    found = list(folder.glob("static*.zip"))
    if found:
        return found[0]
    print(f"simulating a mouse of {n_neurons} neurons", flush=True)
    session, usual = _MICE[name]
    return simulate_recording(
        folder, session_key=session, n_neurons=n_neurons, **{**usual, **sizes}
    )


def small_recordings(workspace: Path, n_mice: int) -> dict[str, Path]:
    """Returns mouse to zip of as many small mice; simulates those that are not there."""
    from sensorium_tf.simulation import simulate_recording

    paths = {}
    for number in range(n_mice):
        folder = workspace / "small" / f"{number}"
        found = list(folder.glob("static*.zip"))
        paths[f"small{number}"] = (
            found[0]
            if found
            else simulate_recording(folder, session_key=f"1-1-{number}", seed=number, **_SMALL)
        )
    return paths


def prepared_movies(workspace: Path, n_neurons: int):
    """Returns a prepared mouse that saw 40 movies, and others ten times, and its data folder."""
    from sensorium_tf.challenges.sensorium2023 import CHALLENGE
    from sensorium_tf.data import prepare
    from sensorium_tf.simulation import simulate_movie_recording

    folder, data_dir = workspace / f"movies_{n_neurons}", workspace / "data"
    found = [*folder.glob("dynamic*.zip")]
    if not found:
        print(f"simulating movies to {n_neurons} neurons", flush=True)
        found = [simulate_movie_recording(folder, n_neurons=n_neurons, **_MOVIES)]
    name = f"movies_{n_neurons}"
    return prepare(name, recording=found[0], data_dir=data_dir, challenge=CHALLENGE), data_dir


def prepared(workspace: Path, name: str, n_neurons: int | None = None):
    """Returns a prepared mouse and the data folder in which it is."""
    from sensorium_tf.data import prepare

    n_neurons = n_neurons or _SUBMITTED_NEURONS
    data_dir = workspace / "data"
    path = recording(workspace, name, n_neurons)
    return prepare(f"{name}_{n_neurons}", recording=path, data_dir=data_dir), data_dir
