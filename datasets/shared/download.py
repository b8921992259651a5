"""The published file: fetched once, checked ever after, and forgotten if it is damaged."""

import contextlib

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import checksums
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from sensorium_tf.errors import AccessError, SensoriumError, one_line, os_reason
from sensorium_tf.fetching import probe
from sensorium_tf.io import atomic_write
from sensorium_tf.reading import open_regular, read_json, reading

_LARGEST_RECORD = 1 << 20


class Download:
    """A file from its published address, through TFDS's download manager.

    Size and hash of the first download are written down beside it, in TFDS's own format, and every
    later one has to agree: nothing is ever written into the package.

    Args:
        dl_manager: TFDS's.
        url: The address.

    Attributes:
        path: Where the file is.

    Raises:
        SensoriumError: If there is no network (said within seconds, which TFDS takes minutes for),
            or the file is not the one that was downloaded first. Both files are kept.
    """

    def __init__(self, dl_manager: tfds.download.DownloadManager, url: str):
        self._url = url
        self._folder = dl_manager.download_dir
        name = url.rsplit("/", 1)[-1]
        self._first = self._folder / "sensorium" / f"{name}.checksums.tsv"
        if not notes_of(self._folder, self._url):
            probe(
                url,
                remedy=f"the manual folder has no file: download {url} elsewhere and hand its "
                "folder in as --manual_dir (TFDS: manual_dir)",
            )
        try:
            self.path = dl_manager.download(url)
        except (tfds.download.DownloadError, NonMatchingChecksumError, OSError) as e:
            if isinstance(e, OSError) and e.filename is not None:
                raise AccessError(f"{e.filename}: {os_reason(e)}") from e
            raise SensoriumError(
                f"{one_line(e)}: download {url} by hand and hand its folder in as --manual_dir "
                "(TFDS: manual_dir)"
            ) from e
        self._found = checksums.compute_url_info(self.path)
        self._found.filename = name
        self._check()

    def record(self) -> None:
        """Writes size and hash down, unless they are; a folder of others' is left alone."""
        if self._first.exists():
            return
        found = self._found
        line = f"{self._url}\t{int(found.size)}\t{found.checksum}\t{found.filename}\n"
        with contextlib.suppress(SensoriumError), atomic_write(self._first) as file:
            file.write(line)

    def forget(self) -> None:
        """Deletes the file, so that the next attempt downloads it again."""
        for info in notes_of(self._folder, self._url):
            info.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _check(self) -> None:
        first = first_of(self._first, self._url)
        if first is not None and first != self._found:
            raise SensoriumError(
                f"{self.path}: has {int(self._found.size)} bytes with sha256 "
                f"{self._found.checksum}, but the file first downloaded from {self._url} had "
                f"{int(first.size)} bytes with sha256 {first.checksum} (another checksum): delete "
                f"it to download it again, or delete {self._first} to use it"
            )


def notes_of(folder: tfds.core.Path, url: str) -> list[tfds.core.Path]:
    """Returns the notes that TFDS keeps beside what it downloaded from an address.

    Those that cannot be read may have been cut short by a kill, or be another dataset's.

    Args:
        folder: TFDS's folder of downloads.
        url: The address.
    """
    found = []
    for path in folder.glob("*/*.INFO"):
        with (
            contextlib.suppress(SensoriumError, FileNotFoundError),
            reading(path, "not a note of TFDS"),
        ):
            if url in read_json(path)["urls"]:
                found.append(path)
    return found


def first_of(path: tfds.core.Path, url: str) -> checksums.UrlInfo | None:
    """Returns size and hash of the first download from an address; None if there was none.

    Args:
        path: Where they were written down.
        url: The address.

    Raises:
        SensoriumError: If the file is damaged or cannot be read.
    """
    remedy = "delete it, if the download is to be trusted"
    with (
        contextlib.suppress(FileNotFoundError),
        reading(path, "cannot be read", remedy=remedy),
        open_regular(path) as file,
    ):
        for line in file.read(_LARGEST_RECORD).decode().splitlines():
            address, size, checksum, name = line.split("\t")
            if address == url:
                return checksums.UrlInfo(
                    size=tfds.core.units.Size(int(size)), checksum=checksum, filename=name
                )
    return None
