"""The published file: fetched once, checked ever after, and forgotten if it is damaged."""

import json
import urllib.error
import urllib.request

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import checksums
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from sensorium_tf.errors import AccessError, SensoriumError, one_line, os_reason

_PROBE_SECONDS = 5


class Download:
    """A file from its published address, through TFDS's download manager.

    Args:
      dl_manager: TFDS's.
      url: the address.

    Attributes:
      path: where the file is.

    Raises:
      SensoriumError: if there is no network (said within seconds, which TFDS takes minutes for), or
        the file is not the one that was downloaded first.
    """

    def __init__(self, dl_manager: tfds.download.DownloadManager, url: str):
        self._url = url
        self._folder = dl_manager.download_dir
        if not self._info_files():
            self._probe()
        try:
            self.path = dl_manager.download(url)
        except (tfds.download.DownloadError, NonMatchingChecksumError, OSError) as e:
            if isinstance(e, OSError) and e.filename is not None:
                raise AccessError(f"{e.filename}: {os_reason(e)}") from e
            raise SensoriumError(
                f"{one_line(e)}: download {url} by hand and hand its folder in as --manual_dir "
                "(TFDS: manual_dir)"
            ) from e

    def record(self, checksums_file: tfds.core.Path) -> None:
        """Writes down size and hash, unless they are; a folder of others' is left alone."""
        known = checksums.load_url_infos(checksums_file) if checksums_file.exists() else {}
        if self._url in known:
            return
        info = checksums.compute_url_info(self.path)
        info.filename = self._url.rsplit("/", 1)[-1]
        try:
            checksums.save_url_infos(checksums_file, {**known, self._url: info})
        except OSError:
            return

    def forget(self) -> None:
        """Deletes the file, so that the next attempt downloads it again."""
        for info in self._info_files():
            info.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _info_files(self) -> list[tfds.core.Path]:
        """Returns the notes that TFDS keeps beside what it downloaded from the address."""
        return [
            path
            for path in self._folder.glob("*/*.INFO")
            if self._url in json.loads(path.read_text()).get("urls", ())
        ]

    def _probe(self) -> None:
        request = urllib.request.Request(self._url, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()
        except urllib.error.HTTPError:
            return  # somebody answers: let TFDS report what is wrong with the address
        except (OSError, ValueError) as e:
            raise SensoriumError(
                f"no file in the manual folder and no network ({one_line(e)}): download "
                f"{self._url} elsewhere and hand its folder in as --manual_dir (TFDS: manual_dir)"
            ) from e
