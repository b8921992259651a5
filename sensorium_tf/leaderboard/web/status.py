"""Whether the service is well, for those who watch it."""

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sensorium_tf.errors import SensoriumError
from sensorium_tf.leaderboard import queue
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.tables import evaluations, submissions, uploads


def routes(board: Board) -> list[Route]:
    """Returns `/healthz` and `/metrics`."""

    async def healthz(request: Request) -> Response:
        try:
            await run_in_threadpool(board.database.check_version)
        except SensoriumError:
            return JSONResponse({"status": "the database is away, or of another version"}, 503)
        return JSONResponse({"status": "ok"})

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(_metrics, board))

    return [Route("/healthz", healthz), Route("/metrics", metrics)]


def _metrics(board: Board) -> str:
    """Returns numbers in Prometheus's text format."""
    now = board.now()
    with board.database.read() as connection:
        states = queue.counts(connection)
        oldest = connection.execute(
            select(func.min(evaluations.c.created_at)).where(evaluations.c.state == queue.QUEUED)
        ).scalar()
        n_submissions = connection.execute(
            select(func.count()).select_from(submissions)
        ).scalar_one()
        n_uploads = connection.execute(
            select(func.count()).select_from(uploads).where(uploads.c.expires_at > now)
        ).scalar_one()
    waited = 0.0 if oldest is None else (now - oldest).total_seconds()
    lines = [
        "# HELP sensorium_evaluations Evaluations by state.",
        "# TYPE sensorium_evaluations gauge",
        *(f'sensorium_evaluations{{state="{name}"}} {n}' for name, n in states.items()),
        "# HELP sensorium_oldest_queued_seconds How long the oldest of them waits.",
        "# TYPE sensorium_oldest_queued_seconds gauge",
        f"sensorium_oldest_queued_seconds {waited:g}",
        "# HELP sensorium_submissions Submissions that were accepted.",
        "# TYPE sensorium_submissions gauge",
        f"sensorium_submissions {n_submissions}",
        "# HELP sensorium_uploads Uploads whose time is not over.",
        "# TYPE sensorium_uploads gauge",
        f"sensorium_uploads {n_uploads}",
    ]
    return "\n".join(lines) + "\n"
