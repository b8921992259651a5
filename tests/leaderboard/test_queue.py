"""What waits is scored once, whatever happens to those who score it."""

import threading

import boards
import numpy as np
import pytest
from sqlalchemy import select, update

from sensorium_tf.errors import SensoriumError
from sensorium_tf.leaderboard import child, queue, worker
from sensorium_tf.leaderboard.queue import LEASE_SECONDS, LeaseLost
from sensorium_tf.leaderboard.schedule import rescore
from sensorium_tf.leaderboard.tables import evaluations, neuron_scores, scores
from sensorium_tf.scoring import score_neurons

RESULT = child.Result(
    None,
    {"single_trial_correlation": 0.1 + 0.2, "intervals": {"single_trial_correlation": (0, 1)}},
    {"single_trial_correlation": np.array([0.1, np.nan, 1 / 3])},
)


def states(board):
    with board.database.read() as connection:
        return {k: n for k, n in queue.counts(connection).items() if n}


def stored(board):
    with board.database.read() as connection:
        values = connection.execute(select(scores.c.metric, scores.c.value)).tuples().all()
        neurons = connection.execute(select(neuron_scores.c["values"])).scalars().all()
    return values, neurons


def test_work_is_claimed_once_in_the_order_in_which_it_came(either):
    first, second = (either.enter(name=name) for name in ("one", "two"))
    claimed = [queue.claim(either.board) for _ in range(3)]
    with either.board.database.read() as connection:
        of = dict(connection.execute(select(evaluations.c.id, evaluations.c.submission_id)).all())
    assert [of[work.id] for work in claimed[:2]] == [first, second] and claimed[2] is None
    assert claimed[0].attempt == 1 and claimed[0].lease != claimed[1].lease


def test_many_workers_claim_each_work_once(either):
    for seed in range(6):
        either.enter(seed=seed)
    claimed = []

    def claim():
        while (work := queue.claim(either.board)) is not None:
            claimed.append(work.id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 6


def test_values_are_kept_to_the_last_bit(either):
    either.enter()
    queue.finish(either.board, queue.claim(either.board), RESULT)
    values, neurons = stored(either.board)
    assert values == [("single_trial_correlation", 0.1 + 0.2)]
    assert neurons[0] == np.array([0.1, np.nan, 1 / 3], "<f8").tobytes()
    assert states(either.board) == {"done": 1}


def test_a_worker_that_was_gone_too_long_writes_nothing(either):
    either.enter()
    lost = queue.claim(either.board)
    assert queue.heartbeat(either.board, lost)
    either.clock.move(seconds=LEASE_SECONDS - 1)
    assert queue.claim(either.board) is None
    either.clock.move(seconds=2)
    other = queue.claim(either.board)
    assert other.id == lost.id and other.attempt == 2
    assert not queue.heartbeat(either.board, lost)
    for late in (queue.finish, queue.give_back):
        with pytest.raises(LeaseLost):
            late(either.board, lost, *([RESULT] if late is queue.finish else []))
    assert stored(either.board) == ([], [])
    queue.finish(either.board, other, RESULT)
    with pytest.raises(LeaseLost):
        queue.finish(either.board, other, RESULT)
    assert len(stored(either.board)[0]) == 1


def test_a_heartbeat_keeps_the_work(either):
    either.enter()
    work = queue.claim(either.board)
    for _ in range(5):
        either.clock.move(seconds=LEASE_SECONDS - 1)
        assert queue.heartbeat(either.board, work)
        assert queue.claim(either.board) is None


@pytest.mark.parametrize("how", ["killed", "given back"])
def test_after_three_attempts_it_fails_with_a_number_to_tell(either, how):
    either.enter()
    for attempt in range(1, 4):
        work = queue.claim(either.board)
        assert work.attempt == attempt
        if how == "killed":
            either.clock.move(seconds=LEASE_SECONDS + 1)
        else:
            queue.give_back(either.board, work)
    assert queue.claim(either.board) is None
    assert states(either.board) == {"failed": 1}
    with either.board.database.read() as connection:
        (error,) = connection.execute(select(evaluations.c.error)).scalars()
    assert error.endswith(f"tell the organisers number E{work.id}")


def test_a_worker_scores_as_the_library_does(team, tmp_path):
    team.enter()
    said = []
    assert worker.work_once(team.board, say=said.append)
    assert said == ["E1: score, attempt 1", "E1: done"]
    assert not worker.work_once(team.board, say=said.append)
    files = team.folder / "submission.csv", team.folder / "board" / "truth_test.csv"
    library = score_neurons(*files)
    assert dict(stored(team.board)[0]) == library.means
    with team.board.database.read() as connection:
        rows = connection.execute(select(neuron_scores.c.metric, neuron_scores.c["values"]))
        for metric, values in rows:
            assert values == library.per_neuron[metric].astype("<f8").tobytes()


def test_a_process_that_ends_without_result_is_tried_again(team, monkeypatch):
    team.enter()

    def fail(*_, **__):
        raise child.ChildFailed("was killed")

    monkeypatch.setattr(child, "run", fail)
    said = []
    while worker.work_once(team.board, say=said.append):
        pass
    assert said.count("E1: was killed") == 3 and states(team.board) == {"failed": 1}


def test_a_file_that_is_damaged_in_the_store_is_no_fault_of_its_sender(team):
    team.enter()
    name = queue.claim(team.board).submission_sha256
    (team.folder / "board" / "files" / "blobs" / name).write_text("other")
    team.clock.move(seconds=LEASE_SECONDS + 1)
    said = []
    worker.work_once(team.board, say=said.append)
    assert said[1].endswith(f"file {name} is damaged") and states(team.board) == {"queued": 1}


def test_work_that_was_lost_meanwhile_is_left_to_the_other_worker(team, monkeypatch):
    team.enter()

    def lose(*_, **__):
        team.clock.move(seconds=LEASE_SECONDS + 1)
        queue.claim(team.board)
        return RESULT

    monkeypatch.setattr(child, "run", lose)
    said = []
    assert worker.work_once(team.board, say=said.append)
    assert said[-1] == "E1: another worker has it" and stored(team.board) == ([], [])


def test_a_worker_waits_for_a_database_that_is_away(team, monkeypatch):
    stop, said = threading.Event(), []

    def away(*_, **__):
        if said:
            stop.set()
        raise worker.DatabaseError("board.db: is away")

    monkeypatch.setattr(worker, "work_once", away)
    monkeypatch.setattr(worker, "_IDLE_SECONDS", 0)
    worker.work(team.board, stop, say=said.append)
    assert said == ["waiting: board.db: is away"] * 2
    assert issubclass(worker.DatabaseError, SensoriumError)


class StorageError(Exception):
    """As the packages of some storages raise, which is no OSError."""


@pytest.mark.parametrize("error", [ConnectionError, StorageError])
def test_a_worker_waits_for_files_that_are_away_and_that_is_no_attempt(team, monkeypatch, error):
    team.enter()
    storage = team.board.blobs._files._target
    stop, said, real = threading.Event(), [], storage.open

    def away(path, mode):
        if len(said) < 9:
            raise error("is away")
        return real(path, mode)

    monkeypatch.setattr(worker, "compare_next", lambda board: stop.set())
    monkeypatch.setattr(worker.slices, "sweep", lambda board: 0)
    monkeypatch.setattr(storage, "open", away)
    monkeypatch.setattr(team.board.blobs, "answers", lambda: False)
    monkeypatch.setattr(worker, "_IDLE_SECONDS", 0)
    monkeypatch.setattr(child, "run", lambda *_, **__: RESULT)
    worker.work(team.board, stop, say=said.append)
    assert said[0] == "E1: score, attempt 1" and said[1].startswith("waiting: ")
    assert said[-2:] == ["E1: score, attempt 1", "E1: done"]


def test_a_worker_waits_for_files_that_are_away_when_it_sweeps(team, monkeypatch):
    stop, said = threading.Event(), []

    def away(*_, **__):
        raise StorageError("is away")

    monkeypatch.setattr(team.board.blobs._files._target, "ls", away)
    monkeypatch.setattr(worker, "_SWEEP_SECONDS", 0)
    monkeypatch.setattr(worker, "_IDLE_SECONDS", 0)
    worker.work(team.board, stop, say=lambda line: said.append(line) or len(said) < 2 or stop.set())
    assert len(said) == 2 and all(line.endswith("or written: is away") for line in said)


def test_a_file_that_cannot_be_read_holds_up_no_other_and_is_given_up(team, monkeypatch):
    bad, good = team.enter(name="bad"), team.enter(name="good", seed=2)
    bad_file = queue.claim(team.board).submission_sha256
    team.clock.move(seconds=LEASE_SECONDS + 1)
    storage = team.board.blobs._files._target
    real, said = storage.open, []

    def unreadable(path, mode):
        if path.endswith(bad_file):
            raise PermissionError("of this one alone")
        return real(path, mode)

    monkeypatch.setattr(storage, "open", unreadable)
    monkeypatch.setattr(child, "run", lambda *_, **__: RESULT)
    for _ in range(3):
        assert worker.work_once(team.board, say=said.append)
    assert said[1] == "E2: done" and "cannot be read or written: of this one alone" in said[3]
    assert states(team.board) == {"done": 1, "failed": 1}
    # Mended, the organisers let it be tried again; the quota has counted nothing.
    monkeypatch.setattr(storage, "open", real)
    assert rescore(team.board, boards.phase(team.board)) == 1
    assert worker.work_once(team.board, say=said.append)
    assert states(team.board) == {"done": 2} and bad != good


def test_a_lease_lives_while_files_are_copied_and_ends_the_copy(team, monkeypatch):
    team.enter()
    beats = []
    monkeypatch.setattr(worker, "_HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(queue, "heartbeat", lambda *_: beats.append(1) or len(beats) < 2)
    said = []
    assert worker.work_once(team.board, say=said.append)
    assert len(beats) == 2 and said[-1] == "E1: another worker has it"


def test_nothing_else_ends_a_running_state(either):
    either.enter()
    work = queue.claim(either.board)
    with either.board.database.write() as connection:
        connection.execute(update(evaluations).values(attempts=queue.MOST_ATTEMPTS))
    either.clock.move(seconds=LEASE_SECONDS + 1)
    assert queue.claim(either.board) is None
    assert states(either.board) == {"failed": 1}
    with pytest.raises(LeaseLost):
        queue.finish(either.board, work, RESULT)
