"""Tiny recordings, array by array, so that a test can break any of them."""

import io
import zipfile
from pathlib import Path

import numpy as np

STEM = "static26872-17-20-GrayImageNet-94c6ff995dac583098847cfecd43e7b6"


def recording_tree(
    *, n_neurons=5, n_train=12, n_validation=4, n_test_images=2, n_repeats=3, seed=0
) -> dict[str, np.ndarray]:
    """Returns the arrays of a small recording by their names below its top folder."""
    random = np.random.default_rng(seed)
    tiers = np.array(
        ["train"] * n_train + ["validation"] * n_validation + ["test"] * n_test_images * n_repeats
    )
    image_ids = np.concatenate(
        [
            np.arange(n_train + n_validation),
            np.repeat(np.arange(1000, 1000 + n_test_images), n_repeats),
        ]
    )
    order = random.permutation(len(tiers))
    tiers, image_ids = tiers[order], image_ids[order]
    shown = {image: random.integers(0, 256, (1, 144, 256), np.uint8) for image in set(image_ids)}
    trials = len(tiers)
    signals = {
        "images": np.stack([shown[image] for image in image_ids]),
        "responses": random.gamma(0.5, 2.0, (trials, n_neurons)).astype(np.float32),
        "behavior": random.normal(10, 3, (trials, 3)).astype(np.float32),
        "pupil_center": random.normal(50, 4, (trials, 2)).astype(np.float32),
    }
    tree = {
        "meta/trials/tiers": tiers,
        "meta/trials/frame_image_id": image_ids.astype(np.int64),
        "meta/trials/trial_idx": np.arange(100, 100 + trials),
        "meta/neurons/unit_ids": np.arange(1, n_neurons + 1) * 3,
        "meta/neurons/cell_motor_coordinates": random.uniform(-300, 300, (n_neurons, 3)),
        "meta/neurons/area": np.array(["V1"] * n_neurons),
        "meta/neurons/layer": np.array(["L2/3"] * n_neurons),
        "meta/neurons/animal_ids": np.full(n_neurons, 26872),
        "meta/neurons/sessions": np.full(n_neurons, 17),
        "meta/neurons/scan_idx": np.full(n_neurons, 20),
    }
    for signal, values in signals.items():
        train = values[tiers == "train"].astype(np.float64)
        axis = None if signal == "images" else 0
        tree[f"meta/statistics/{signal}/all/mean"] = train.mean(axis)
        tree[f"meta/statistics/{signal}/all/std"] = train.std(axis)
        for trial, value in enumerate(values):
            tree[f"data/{signal}/{trial}"] = value
    return tree


def withhold(tree: dict[str, np.ndarray], *, signals=(), tiers=()) -> dict[str, np.ndarray]:
    """Returns the recording as the competition shows it, with zeros in place of what it hides."""
    hidden = dict(tree)
    for name, value in tree.items():
        folder, _, trial = name.rpartition("/")
        if folder in {f"data/{signal}" for signal in signals} or (
            folder == "data/responses" and tree["meta/trials/tiers"][int(trial)] in tiers
        ):
            hidden[name] = np.zeros_like(value)
        if any(name.startswith(f"meta/statistics/{signal}/") for signal in signals):
            hidden[name] = np.zeros_like(value)
    return hidden


def npy(array: np.ndarray) -> bytes:
    """Returns the bytes of a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def write_zip(path: Path, tree: dict[str, np.ndarray | bytes], *, top: str = STEM) -> Path:
    """Writes a recording as a zip; bytes stand for the raw content of a `.npy` file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{top}/" if top else ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in tree.items():
            content = value if isinstance(value, bytes) else npy(value)
            archive.writestr(f"{prefix}{name}.npy", content)
    return path


def write_folder(path: Path, tree: dict[str, np.ndarray | bytes]) -> Path:
    """Writes a recording as a folder."""
    for name, value in tree.items():
        file = path / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value if isinstance(value, bytes) else npy(value))
    return path
