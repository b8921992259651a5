"""What movies cost: training steps and prediction, and the memory of a recording of full size."""

import shutil
from pathlib import Path

from mice import prepared_movies
from timing import launcher, seconds

from sensorium_tf.challenges.sensorium2023 import CHALLENGE

# Trials of a step, frames of a window and frames of the trials: the published numbers.
_TRIALS, _WINDOW, _FRAMES = 8, 80, 300
# With 60 trials of each tier of repeated movies they are 700.
_CLIPS = 520
# A run holds no more after more steps.
_FEW_TRIALS = 40


def movies(workspace: Path, n_neurons: int, _: int) -> dict:
    """Training steps of the baseline of movies, windows read and all, and rates of whole trials."""
    import tensorflow as tf

    from sensorium_tf.data import Batches
    from sensorium_tf.data.common_inputs import inputs_of
    from sensorium_tf.runs import Predictor
    from sensorium_tf.settings import TrainingSettings
    from sensorium_tf.training import Steps, compiled_model

    mouse, _ = prepared_movies(workspace, n_neurons)
    settings = TrainingSettings.flat(
        challenge=CHALLENGE.name, mice=mouse.name, batch_size=_TRIALS, window=_WINDOW
    )
    trials = {mouse.name: settings.train_trials_of(mouse)}
    model = compiled_model(settings, [mouse], inputs_of([mouse], track=settings.track))
    batches = Batches(trials, inputs=model.inputs, batch_size=_TRIALS)
    iterator = iter(batches.dataset().repeat())
    steps = Steps(model, tf.distribute.get_strategy())
    step = seconds(
        lambda: steps(iterator, learning_rates=[0.001], n_trials=[[_TRIALS]]), repeats=5, warm_up=2
    )
    shown, predictor = mouse.trials("oracle"), Predictor(model, mouse.name)
    rates = seconds(lambda: list(predictor.parts(shown)), repeats=2)
    return {
        "movies_train_frames_per_s": _TRIALS * _WINDOW / step,
        "movies_predict_frames_per_s": int(shown.n_frames.sum()) / rates,
    }


def movie_memory(workspace: Path, n_neurons: int, _: int) -> dict:
    """The most memory that each command takes on 700 trials of 300 frames, step by step."""
    folder = workspace / f"movies_{n_neurons}_full"
    shutil.rmtree(folder, ignore_errors=True)
    recording = folder / f"{CHALLENGE.recording_stem(CHALLENGE.example_session)}.zip"
    challenge, data_dir = f"--challenge={CHALLENGE.name}", f"--data_dir={folder / 'data'}"
    sizes = [f"--neurons={n_neurons}", f"--clips={_CLIPS}", f"--frames={_FRAMES}"]
    commands = {
        "simulate": ["simulate", f"--output={folder}", *sizes, challenge],
        "prepare": ["prepare", f"--recording={recording}", "--name=full", data_dir, challenge],
        "train": [
            "train",
            "--mice=full",
            "--epochs=1",
            f"--train_trials={_FEW_TRIALS}",
            f"--workdir={folder / 'run'}",
            data_dir,
            challenge,
        ],
        "evaluate": ["evaluate", f"--workdir={folder / 'run'}", "--tier=oracle", data_dir],
    }
    found = {}
    for name, (script, *flags) in commands.items():
        took, memory = launcher(script, *flags)
        found[f"movie_{name}_seconds"], found[f"movie_{name}_gb"] = took, memory
    shutil.rmtree(folder)
    return found
