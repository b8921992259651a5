"""The benchmarks run, on a tiny mouse; no figure of theirs is looked at here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(tmp_path, *arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *map(str, arguments)]
    # Whatever the machine has, they compute on its processor.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--output=a.json", "--only=speed"], "expected some of train, predict"),
        ([], "must have a value"),
        (["--output=a.json", "--device=gpu"], "finds no GPU here"),
    ],
)
def test_the_mistakes_of_a_user_are_one_line(tmp_path, arguments, says):
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and says in lines[0]


@pytest.fixture(scope="module")
def measurements(tmp_path_factory):
    """The module, with folder `work` of a tiny mouse beside it, whose work is done once."""
    folder = tmp_path_factory.mktemp("benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import data_speed
        import device_speed
        import measurements
        import mice
        import model_speed
        import movie_speed
        import timing

        for module in (data_speed, device_speed, model_speed, movie_speed):
            patch.setattr(
                module, "seconds", lambda work, **_: timing.seconds(work, repeats=1, warm_up=0)
            )
        mice.recording(folder / "work", mice.TRAINED, 4, n_images=200, n_repeats=2)
        yield measurements, folder / "work"


def test_each_measurement_gives_its_numbers(measurements):
    module, workspace = measurements
    results = {}
    for name in ("train", "predict", "batches", "start", "insilico"):
        results |= module.MEASUREMENTS[name](workspace, 4, 2)
    for name in (
        "train_images_per_s",
        "predict_images_per_s",
        "insilico_step_seconds",
        "batches_trials_per_s",
        "matmul_gflops",
        "first_batch_seconds",
    ):
        assert results[name] > 0
    assert set(results["train_seconds"]) == {"step", "core", "readout", "loss", "update", "input"}


def test_what_one_more_mouse_costs_is_measured(measurements, monkeypatch):
    module, workspace = measurements
    import data_speed
    import mice

    monkeypatch.setattr(data_speed, "_MANY", (1, 2))
    monkeypatch.setattr(data_speed, "_MODEL", ("--hidden_channels=2", "--n_blocks=0"))
    monkeypatch.setattr(mice, "_SMALL", {"n_neurons": 3, "n_images": 10, "n_repeats": 2})
    found = module.MEASUREMENTS["many"](workspace, 4, 2)
    assert [each["mice"] for each in found["many"]] == [1, 2]
    assert all(each["prepare_seconds"] > 0 and each["train_gb"] > 0 for each in found["many"])
    assert {"prepare_seconds_of_a_mouse", "train_gb_of_a_mouse"} <= {*found}


@pytest.fixture
def few_movies(monkeypatch):
    import mice
    import movie_speed

    monkeypatch.setattr(mice, "_MOVIES", {"n_clips": 3, "n_frames": 60, "n_repeats": 2})
    small = {"_TRIALS": 1, "_WINDOW": 20, "_FRAMES": 85, "_CLIPS": 3, "_FEW_TRIALS": 2}
    for name, value in small.items():
        monkeypatch.setattr(movie_speed, name, value)


def test_what_grows_is_measured(measurements, monkeypatch):
    module, workspace = measurements
    import model_speed

    for name, values in {"_MICE": (2,), "_BATCHES": (3,), "_NEURONS": (9,)}.items():
        monkeypatch.setattr(model_speed, name, values)
    found = module.MEASUREMENTS["growth"](workspace, 4, 2)["growth"]
    sizes = [(each["mice"], each["batch"], each["neurons"]) for each in found]
    assert sizes == [(2, 2, 4), (1, 3, 4), (1, 2, 9)]
    assert all(each["step_seconds"] > 0 for each in found)


def test_devices_that_share_a_processor_are_measured(measurements, tmp_path):
    _, workspace = measurements
    settings = [
        "--only=replicas_1,replicas_2",
        "--neurons=4",
        "--batch=4",
        f"--workspace={workspace}",
    ]
    done = run(tmp_path, "--output=a.json", *settings)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["replicas_1_step_seconds"] > 0 and found["replicas_2_step_seconds"] > 0


def test_devices_are_measured_in_each_precision(measurements, monkeypatch):
    module, workspace = measurements
    import device_speed

    monkeypatch.setattr(device_speed, "_STEPS", 1)
    monkeypatch.setattr(device_speed, "_COPIED_BYTES", 1 << 20)
    found = module.MEASUREMENTS["device"](workspace, 4, 2)
    kinds = [(each["bfloat16"], each["xla"]) for each in found["device"]]
    assert kinds == [(False, False), (False, True), (True, False), (True, True)]
    names = ("images_per_s", "predict_images_per_s", "over_bandwidth_bound", "memory_gb")
    assert all(each[name] > 0 for each in found["device"] for name in names)
    assert found["device_gb_per_s"] > 0


def test_steps_on_movies_are_measured(measurements, few_movies):
    module, workspace = measurements
    found = module.MEASUREMENTS["movies"](workspace, 4, 2)
    assert found["movies_train_frames_per_s"] > 0 and found["movies_predict_frames_per_s"] > 0


def test_the_memory_of_movies_is_measured_command_by_command(measurements, few_movies):
    module, workspace = measurements
    found = module.MEASUREMENTS["movie_memory"](workspace, 4, 2)
    commands = ("simulate", "prepare", "train", "evaluate")
    assert all(0.05 < found[f"movie_{name}_gb"] < 5 for name in commands)
    assert not (workspace / "movies_4_full").exists()


def test_results_are_json_and_a_table_and_are_compared_with_another_script(measurements):
    _, workspace = measurements
    script = workspace.parent / "other.py"
    script.write_text(
        "import json; print(json.dumps(dict(train_images_per_s=2.0, predict_images_per_s=4.0)))"
    )
    done = run(
        workspace.parent,
        "--output=a.json",
        "--only=batches",
        "--neurons=4",
        "--batch=2",
        "--workspace=work",
        f"--compare={script}",
        "--pairs=1",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads((workspace.parent / "a.json").read_text())
    assert (results["neurons"], results["batch"]) == (4, 2)
    assert results["batches_trials_per_s"] > 0 and "batches_trials_per_s" in done.stdout
    assert results["compared"]["median"]["train_images_per_s"] > 0
    assert "median ratio: train_images_per_s" in done.stdout


def test_the_arithmetic_of_the_forward_pass_is_counted(measurements):
    import model_speed

    gflop = model_speed.forward_gflop(1, 100)
    pixels = 28 * 56
    assert gflop["stem"] * 1e9 == pytest.approx(2 * pixels * 64 * 9 * 9 * 4)
    block = 2 * pixels * (64 * 64 + 49 * 64 + 64 * 64)
    assert gflop["blocks"] * 1e9 == pytest.approx(3 * block)
    assert gflop["readout"] * 1e9 == pytest.approx(2 * 100 * 64 * 5)


def test_a_small_leaderboard_is_measured(tmp_path):
    small = {"submissions": 5, "readers": 2, "seconds": 1, "uploads": 1, "neurons": 5, "workers": 1}
    flags = [f"--{name}={value}" for name, value in small.items()]
    script = ROOT / "benchmarks" / "leaderboard.py"
    done = subprocess.run(
        [sys.executable, str(script), "--output=a.json", *flags],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["database"] == "sqlite" and found["trials"] == 1000
    assert found["requests_a_second"] > 0 and found["scored_a_minute_by_1_workers"] > 0


def test_what_a_core_costs_is_shown_beside_the_published_one(tmp_path, warm_python):
    small = {"cores": "residual(channels=2, n_blocks=0)", "neurons": 4, "batch": 2}
    flags = [f"--{name}={value}" for name, value in {**small, "rounds": 1, "steps": 1}.items()]
    done = warm_python.run(ROOT / "benchmarks" / "cores.py", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header, published, ours = done.stdout.splitlines()
    assert header.split() == ["images/s", "ratio", "weights", "core"]
    assert published.split()[1:] == ["1.00", "39680", "sensorium"]
    assert ours.split()[2] == "166" and "residual(channels=2, n_blocks=0)" in ours
