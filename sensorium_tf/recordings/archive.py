"""Arrays in zip files: the same input gives the same bytes."""

import io
import zipfile

import numpy as np

#: Responses and photographs deflate little better at higher levels, which take several times as
#: long.
DEFLATE_LEVEL = 1
# The oldest date a zip can hold: a file written twice has the same bytes.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def array_header(array: np.ndarray) -> bytes:
    """Returns what stands before an array's values in a `.npy` file."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    return stream.getvalue()


def add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Adds a file to an archive, compressed.

    Args:
        archive: Open for writing.
        name: Of the file.
        content: Its bytes.
    """
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix on every system, for the sake of equal bytes
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, compresslevel=DEFLATE_LEVEL)


def add_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Adds an array to an archive, as `<name>.npy`.

    Args:
        archive: Open for writing.
        name: Of the array.
        array: Of plain numbers or text.
    """
    array = np.ascontiguousarray(array)
    add_file(archive, f"{name}.npy", array_header(array) + array.tobytes())
