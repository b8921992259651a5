"""What a `.keras` file may hold, checked before Keras reads it."""

import io
import math
import os
import zipfile
from typing import BinaryIO

import h5py

from sensorium_tf.reading import check_inflation, open_zip, parse_json

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = ("metadata.json", _CONFIG, _WEIGHTS)
_ASSETS = "assets/"


def check_model_archive(file: BinaryIO) -> int:
    """Refuses a Keras model file unless reading it takes about its own size.

    Keras stores members and weights as they are, neither compressed nor in other files, so
    nothing in the file may be larger than the file.

    Args:
        file: The model file.

    Returns:
        Bytes of all weights together.

    Raises:
        OSError: If the system refuses to read it.
        ValueError: If it is larger than that, or no such file. Many kinds of error if it is
            damaged, which `reading` guards.
    """
    archive = open_zip(file)
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if unknown := [n for n in names if n not in _MEMBERS and not n.startswith(_ASSETS)]:
        raise zipfile.BadZipFile(f"a member {unknown[0][:80]!r}, which Keras never writes")
    if missing := [name for name in _MEMBERS[1:] if name not in names]:
        raise zipfile.BadZipFile(f"no {missing[0]} in it")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise zipfile.BadZipFile("compressed members, which Keras never writes")
    check_inflation(archive, largest=os.fstat(file.fileno()).st_size)
    for info in infos:
        if info.filename.endswith(".json"):
            parse_json(archive.read(info))
    if not isinstance(parse_json(archive.read(_CONFIG)), dict):
        raise ValueError(f"{_CONFIG} is not the configuration of a model")
    return _check_weights(archive.read(_WEIGHTS))


def _check_weights(content: bytes) -> int:
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            n_bytes, groups, seen = 0, [file], set()
            while groups:
                group = groups.pop()
                for name in group:
                    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                        raise ValueError(f"{_WEIGHTS} links to another place ({name[:80]!r})")
                    member = group[name]
                    if not isinstance(member, h5py.Dataset):
                        address = h5py.h5o.get_info(member.id).addr
                        if address in seen:
                            raise ValueError(f"{_WEIGHTS} holds a group within itself")
                        seen.add(address)
                        groups.append(member)
                        continue
                    if member.is_virtual or member.external:
                        raise ValueError(f"{_WEIGHTS} keeps {name[:80]!r} in another file")
                    n_bytes += math.prod(member.shape or ()) * member.dtype.itemsize
                    if n_bytes > len(content):
                        raise ValueError(f"{_WEIGHTS} claims more weights than it holds")
            return n_bytes
    # h5py raises many kinds of error on damaged files, OSError among them.
    except (OSError, KeyError, RuntimeError, TypeError) as e:
        raise ValueError(f"{_WEIGHTS} is damaged: {e}") from e
