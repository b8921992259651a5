"""Tiny files that claim to be huge, each with the reader that must refuse it.

Run as a program it refuses them all, without TensorFlow, and prints the peak memory in MB.
"""

import importlib.util
import io
import os
import re
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
from recording_files import npy, recording_tree, write_folder, write_zip

HUGE, INFLATED = 3 << 30, 640 << 20
TRUTH = {
    "tiers": np.array(["train", "test"]),
    "image_ids": np.arange(2),
    "trial_ids": np.array(["1", "2"]),
    "unit_ids": np.arange(3),
    "rates": np.ones((2, 3)),
    "responses": np.ones((2, 3)),
}
CONFIG = b'{"module": "keras", "class_name": "Dense", "config": {}}'


def header(descr: str, shape: tuple, order: bool = False) -> bytes:
    """Returns the bytes of a `.npy` file of any header and no values."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def sparse(path: Path, start: bytes, n_bytes: int) -> Path:
    """Writes a file of a few bytes on the disk that reads as many gigabytes."""
    path.write_bytes(start)
    os.truncate(path, n_bytes)
    return path


def bomb(path: Path, name: str, start: bytes, n_bytes: int, method=zipfile.ZIP_DEFLATED) -> Path:
    """Adds to a zip file a member that inflates to many zeros."""
    with (
        zipfile.ZipFile(path, "a", method, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        member.write(start)
        zeros = bytes(16 << 20)
        for _ in range(n_bytes // len(zeros)):
            member.write(zeros)
    return path


def understated(path: Path, name: str) -> Path:
    """Makes a member of a zip file claim that it inflates to 1,000 bytes."""
    content = bytearray(path.read_bytes())
    size = (1000).to_bytes(4, "little")
    with zipfile.ZipFile(path) as archive:
        offset, directory = archive.getinfo(name).header_offset, archive.start_dir
    content[offset + 22 : offset + 26] = size
    entry = content.index(name.encode(), directory) - 46
    content[entry + 24 : entry + 28] = size
    path.write_bytes(content)
    return path


def recordings(folder: Path):
    """Yields recordings, and the signal that must be read for a refusal."""
    tree = recording_tree()
    for name, descr, shape in (
        ("meta/trials/tiers", "<U10", (10**9,)),
        ("meta/trials/tiers", "<U900000000", (22,)),
        ("meta/trials/frame_image_id", "<i8", (10**9,)),
        ("meta/trials/trial_idx", "<U100000000", (22,)),
        ("meta/neurons/unit_ids", "<i8", (10**9,)),
        ("meta/neurons/unit_ids", "<i8", (10**6,)),
        ("meta/neurons/cell_motor_coordinates", "<f8", (5, 10**9)),
        ("meta/statistics/images/all/mean", "<f8", (10**9,)),
        ("data/images/0", "<f8", (1, 144, 10**9)),
        ("data/responses/0", "<f4", (10**9,)),
        ("data/behavior/0", "<f4", (1,) * 65 + (3,)),
        ("data/behavior/0", "<f4", (True,)),
        ("data/behavior/0", "<f4", (10**5000,)),
    ):
        sys.set_int_max_str_digits(0)
        broken = {**tree, name: header(descr, shape)}
        yield write_zip(folder / "claims.zip", broken), name.split("/")[1]
    yield (
        write_zip(folder / "r.zip", {**tree, "data/behavior/0": b"\x93NUMPY\2\0" + b"\xff" * 99}),
        "behavior",
    )
    for name, start in (
        ("data/images/3", header("|u1", (1, 144, 256))),
        ("data/responses/3", header("<f4", (HUGE // 4,))),
        ("meta/neurons/unit_ids", header("<i8", (HUGE // 8,))),
        ("meta/trials/tiers", b""),
    ):
        rest = {key: value for key, value in tree.items() if key != name}
        path = write_zip(folder / "bomb.zip", rest)
        member = f"{zipfile.ZipFile(path).namelist()[0].split('/')[0]}/{name}.npy"
        yield bomb(path, member, start, INFLATED), name.split("/")[1]
    path = write_zip(folder / "bz2.zip", {k: v for k, v in tree.items() if k != "data/images/3"})
    member = f"{zipfile.ZipFile(path).namelist()[0].split('/')[0]}/data/images/3.npy"
    bomb(path, member, header("|u1", (1, 144, 256)), INFLATED, zipfile.ZIP_BZIP2)
    yield understated(path, member), "images"
    path = write_folder(folder / "images", tree)
    for trial in range(5):
        sparse(path / f"data/images/{trial}.npy", header("|u1", (1, 144, 256)), 1 << 30)
    yield path, "images"
    yield sparse(folder / "zeros.zip", b"PK\3\4", HUGE), "images"
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + (HUGE - 22).to_bytes(4, "little") + bytes(6)
    path = sparse(folder / "directory.zip", b"PK\3\4", HUGE - 22)
    with path.open("ab") as file:
        file.write(end)
    yield path, "images"


def truths(folder: Path):
    """Yields truth files."""
    for name, content in (
        ("rates", header("<f8", (2, 10**9))),
        ("tiers", header("<U900000000", (2,))),
        ("unit_ids", header("<i8", (10**9,))),
    ):
        path = folder / "claims_truth.npz"
        with zipfile.ZipFile(path, "w") as archive:
            for key, value in TRUTH.items():
                archive.writestr(f"{key}.npy", content if key == name else npy(value))
        yield path
    path = folder / "bomb_truth.npz"
    np.savez(path, **{k: v for k, v in TRUTH.items() if k != "unit_ids"})
    yield bomb(path, "unit_ids.npy", header("<i8", (INFLATED // 8,)), INFLATED)


def weights(write) -> bytes:
    """Returns the bytes of an HDF5 file."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        write(file.create_group("layers"))
    return stream.getvalue()


def model_files(folder: Path):
    """Yields Keras model files."""

    def cyclic(group):
        group["again"] = group

    def linked(group):
        group["outside"] = h5py.ExternalLink("/etc/passwd", "/")

    def soft(group):
        group["soft"] = h5py.SoftLink("/layers")

    def virtual(group):
        layout = h5py.VirtualLayout((10**9,), "f4")
        group.create_virtual_dataset("vars", layout)

    contents = [
        weights(lambda group: group.create_dataset("vars", (10**9,), "f4")),
        weights(lambda group: group.create_dataset("vars", (10**9,), "f4", chunks=(1000,))),
        weights(
            lambda group: group.create_dataset(
                "vars", (10**9,), "f4", chunks=(1000,), fillvalue=1, compression="gzip"
            )
        ),
        weights(
            lambda group: group.create_dataset(
                "vars", (10**5, 10**5), "f4", external=[("/dev/zero", 0, 10**11)]
            )
        ),
        *map(weights, (cyclic, linked, soft, virtual)),
        b"no weights",
    ]
    path = folder / "model.keras"
    for content in contents:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", b"{}")
            archive.writestr("config.json", CONFIG)
            archive.writestr("model.weights.h5", content)
        yield path
    good = weights(lambda group: group.create_dataset("vars", data=np.ones(3)))
    for name, rest in (
        ("model.weights.h5", {"config.json": CONFIG}),
        ("config.json", {"model.weights.h5": good}),
        ("assets/words.txt", {"config.json": CONFIG, "model.weights.h5": good}),
    ):
        for change in (lambda path, name: path, understated):
            with zipfile.ZipFile(path, "w") as archive:
                for key, value in rest.items():
                    archive.writestr(key, value)
            yield change(bomb(path, name, b"", INFLATED), name)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", CONFIG)
        archive.writestr("model.weights.npz", b"")
    yield path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", b"[" + b"{}," * (4 << 20) + b"{}]")
        archive.writestr("model.weights.h5", good)
    yield path


def submissions(folder: Path):
    """Yields submission files."""
    head = b"trial_indices,image_ids,prediction,neuron_ids\r\n"
    yield sparse(folder / "zeros.csv", b"", HUGE)
    yield sparse(folder / "row.csv", head, HUGE)
    yield sparse(folder / "quoted.csv", head + b'1,2,"[', HUGE)
    lines = folder / "lines.csv"
    lines.write_bytes(head + b'1,2,"' + b"1,\n" * (5 << 20))
    yield lines


def nwb_files(folder: Path):
    """Yields NWB files whose trials are a huge column, and what must refuse each."""
    from sensorium_tf.interop.nwb import NwbMapping, import_nwb

    mapping = NwbMapping(
        stimulus=("x",), responses="x", trials="trials", tier="tier", session="1-2-3"
    )

    def read():
        import_nwb(path, folder / "out", mapping=mapping)

    def claims(file):
        file.create_dataset("trials/id", (1 << 40,), "i8", chunks=(1 << 20,))

    def fills(file):
        file.create_dataset("trials/id", (4,), "i8")
        file.create_dataset("trials/tier", (4, 1 << 38), "i8", chunks=(1, 1 << 20), fillvalue=7)

    def inflates(file):
        file.create_dataset("trials/id", (4,), "i8")
        shape = {"shape": (4,), "maxshape": (None,), "chunks": (64 << 20,)}
        file.create_dataset("trials/tier", dtype="i8", compression="gzip", **shape)
        # A chunk of zeros that only claims to be there.
        file["trials/tier"].id.write_direct_chunk((0,), bytes(700_000))

    def writes_much(file):
        file.create_dataset("trials/id", (4,), "i8")
        file["trials/tier"] = np.array([b"a" * (17 << 20)] * 4, object)

    path = folder / "mouse.nwb"
    for write in (claims, fills, inflates, writes_much):
        with h5py.File(path, "w") as file:
            write(file)
        yield path, read
    path = sparse(folder / "sparse.nwb", b"\x89HDF\r\n\x1a\n", HUGE)
    yield path, read


def refuse_all(folder: Path) -> int:
    """Reads them all; returns how many were refused in one line."""
    from sensorium_tf.arrays import open_arrays
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.reading import open_regular, reading
    from sensorium_tf.recordings.recording import Recording
    from sensorium_tf.recordings.truth import Truth
    from sensorium_tf.runs.model_archive import check_model_archive
    from sensorium_tf.scoring.rows import Rows

    n_refused = 0

    def refuse(read, path):
        nonlocal n_refused
        try:
            read()
        except SensoriumError as e:
            assert len(str(e)) < 400 and "\n" not in str(e), str(e)
            assert str(path) in str(e), str(e)
        else:
            raise AssertionError(f"{path} was not refused")
        n_refused += 1

    def read_recording(path, signal):
        with Recording(path) as recording:
            recording.read({"images": "image", "responses": "response"}.get(signal, signal))

    def read_model(path):
        with reading(path, "not a model file"), open_regular(path) as file:
            check_model_archive(file)

    def read_checkpoint(path):
        with reading(path, "damaged"), open_arrays(path, expansion=1) as arrays:
            for name in arrays.headers:
                arrays.read(name)

    for path, signal in recordings(folder):
        refuse(lambda path=path, signal=signal: read_recording(path, signal), path)
    for path in truths(folder):
        refuse(lambda path=path: Truth.load(path), path)
        refuse(lambda path=path: read_checkpoint(path), path)
    for path in model_files(folder):
        refuse(lambda path=path: read_model(path), path)
    for path, read in nwb_files(folder):
        refuse(read, path)
    for path in submissions(folder):
        refuse(lambda path=path: list(Rows(path, "prediction")), path)
    return n_refused


def _peak_megabytes() -> int:
    # What getrusage tells includes the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) // 1024


if __name__ == "__main__":
    n_refused = refuse_all(Path(sys.argv[1]))
    assert importlib.util.find_spec("tensorflow") and "tensorflow" not in sys.modules
    print(n_refused, _peak_megabytes())
