"""The web process and the workers beside it, which end together."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import uvicorn

from sensorium_tf.errors import SensoriumError
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.database import Database
from sensorium_tf.leaderboard.oidc import Provider
from sensorium_tf.leaderboard.ownership import check_owner
from sensorium_tf.leaderboard.settings import LeaderboardSettings, ServeSettings
from sensorium_tf.leaderboard.web.app import create_app

_STOP_SECONDS = 10
_WATCH_SECONDS = 5.0


def serve(
    board: Board,
    place: LeaderboardSettings,
    settings: ServeSettings,
    provider: Provider | None = None,
) -> None:
    """Serves a leaderboard until Ctrl-C or SIGTERM.

    Args:
        board: The leaderboard.
        place: Where it is, for the workers.
        settings: Where to listen, and how many workers to start.
        provider: With which people may log in, too.

    Raises:
        SensoriumError: If the address cannot be had, or the files are another leaderboard's.
    """
    check_owner(board)
    config = uvicorn.Config(
        create_app(board, provider),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=[*settings.proxies],
        timeout_graceful_shutdown=_STOP_SECONDS,
        limit_concurrency=512,
        h11_max_incomplete_event_size=64 << 10,
    )
    try:
        listening = config.bind_socket()
        listening.listen()
    except SystemExit as e:
        raise SensoriumError(
            f"{settings.host}:{settings.port}: cannot be had: choose another --port"
        ) from e
    host, port = listening.getsockname()[:2]
    print(f"http://{host}:{port}  (Ctrl-C stops it)", flush=True)
    # uvicorn hands on the signal that stopped it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), workers(place, settings.workers):
        uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def workers(place: LeaderboardSettings, n_workers: int) -> Iterator[list[subprocess.Popen]]:
    """Runs workers in processes of their own while the block runs.

    They end with this process however it ends: by the end of their standard input. One that is
    killed, or fails, is replaced.
    """
    started = [_worker(place) for _ in range(n_workers)]
    ends = threading.Event()
    watch = threading.Thread(target=_replace_failed, args=[place, started, ends], daemon=True)
    watch.start()
    try:
        yield started
    finally:
        ends.set()
        watch.join()
        for process in started:
            with contextlib.suppress(OSError):
                process.stdin.close()
        for process in started:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _replace_failed(
    place: LeaderboardSettings, started: list[subprocess.Popen], ends: threading.Event
) -> None:
    while not ends.wait(_WATCH_SECONDS):
        for i, process in enumerate(started):
            if process.poll():
                process.stdin.close()
                print(f"a worker ended with {process.returncode}: another one starts", flush=True)
                started[i] = _worker(place)


def _worker(place: LeaderboardSettings) -> subprocess.Popen:
    """Starts a worker; a password goes by the environment, as all may read what is called."""
    database, environment = place.database, dict(os.environ)
    url = Database(database).url
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
        database = url._replace(password=None).render_as_string()
    arguments = [f"--database={database}", "--until_eof"]
    arguments += [] if place.blobs is None else [f"--blobs={place.blobs}"]
    return subprocess.Popen(
        [sys.executable, "-m", "sensorium_tf", "leaderboard_worker", *arguments],
        stdin=subprocess.PIPE,
        env=environment,
    )
