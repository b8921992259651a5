"""Uploads go on where they stopped, and take no more than they may."""

import datetime
import gzip
import hashlib
import os
import zlib
from pathlib import Path

import boards
import pytest
from sqlalchemy import select, update

from sensorium_tf.leaderboard import slices, uploads
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.inflation import inflated
from sensorium_tf.leaderboard.settings import Limits
from sensorium_tf.leaderboard.tables import teams, upload_parts

CONTENT = bytes(range(256)) * 8
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def start(place, who="ann", content=CONTENT, **options):
    where = {"track": "sensorium", "tier": "test", "length": len(content), **options}
    return uploads.open_upload(place.board, place.people[who], **where)


def send(team, upload, at, content, who="ann"):
    return uploads.append(team.board, team.people[who], upload.id, at, content)


def test_slices_make_the_file(either):
    upload = start(either)
    assert upload.received == 0
    assert send(either, upload, 0, CONTENT[:1000]).received == 1000
    assert uploads.state(either.board, either.people["ann"], upload.id).received == 1000
    done = send(either, upload, 1000, CONTENT[1000:])
    assert done.sha256 == SHA256
    assert b"".join(either.board.blobs.pieces(SHA256)) == CONTENT
    assert not either.board.blobs.part_names()
    with either.board.database.read() as connection:
        assert not connection.execute(select(upload_parts)).all()


@pytest.mark.parametrize("at", [0, 500, 1001, -1])
def test_a_slice_that_belongs_elsewhere_says_where_to_go_on(team, at):
    upload = start(team)
    send(team, upload, 0, CONTENT[:1000])
    with pytest.raises(Refused, match="expected 1000, where to go on") as error:
        send(team, upload, at, CONTENT[:10])
    assert error.value.status == 409
    assert len(team.board.blobs.part_names()) == 1


def test_of_two_that_send_the_same_slice_at_once_one_counts(team, monkeypatch):
    upload, real = start(team), uploads._check_slice

    def meanwhile(*given):
        real(*given)
        monkeypatch.setattr(uploads, "_check_slice", real)
        send(team, upload, 0, CONTENT[:10])

    monkeypatch.setattr(uploads, "_check_slice", meanwhile)
    with pytest.raises(Refused, match="expected 10, where to go on"):
        send(team, upload, 0, b"x" * 10)
    assert len(team.board.blobs.part_names()) == 1
    assert send(team, upload, 10, CONTENT[10:]).sha256 == SHA256


def test_a_file_that_was_complete_when_the_server_died_is_put_together_later(team, monkeypatch):
    upload = start(team)

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(team.board.blobs, "put", die)
    with pytest.raises(KeyboardInterrupt):
        send(team, upload, 0, CONTENT)
    monkeypatch.undo()
    assert uploads.complete(team.board, team.people["ann"], upload.id).sha256 == SHA256


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the slice is empty"),
        (CONTENT + b"x", "ends behind the 2048 bytes"),
    ],
)
def test_slices_that_are_empty_or_too_long_are_refused(team, content, says):
    with pytest.raises(Refused, match=says):
        send(team, start(team), 0, content)


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"length": 0}, "expected the number of bytes", 422),
        ({"length": "7"}, "expected the number of bytes", 422),
        ({"length": True}, "expected the number of bytes", 422),
        ({"length": 1 << 40}, "a file may have 192 MiB in identity", 413),
        ({"length": 100 << 20, "encoding": "gzip"}, "a file may have 64 MiB in gzip", 413),
        ({"encoding": "zip"}, "expected identity or gzip", 422),
        ({"track": "plus"}, "track 'plus': expected sensorium or sensorium_plus", 404),
        ({"tier": "train"}, "no 'train': expected test or final_test", 404),
        ({"team": "blues"}, "'blues' is none of yours", 403),
    ],
)
def test_what_cannot_be_uploaded_is_refused_before_anything_is_sent(team, change, says, status):
    with pytest.raises(Refused, match=says) as error:
        start(team, **change)
    assert error.value.status == status


def test_a_user_has_two_uploads_open_and_no_more(either):
    first, _ = start(either), start(either)
    with pytest.raises(Refused, match="2 uploads are open") as error:
        start(either)
    assert error.value.status == 429
    start(either, "bob")
    uploads.cancel(either.board, either.people["ann"], first.id)
    start(either)


def test_uploads_expire_with_their_slices(team):
    upload = start(team)
    send(team, upload, 0, CONTENT[:10])
    team.clock.move(hours=25)
    with pytest.raises(Refused, match="its time is over"):
        send(team, upload, 10, CONTENT[10:])
    assert slices.sweep(team.board) == 1
    assert not team.board.blobs.part_names()


def test_nobody_sees_or_continues_anothers_upload(team):
    upload = start(team)
    for call in (
        lambda: uploads.state(team.board, team.people["bob"], upload.id),
        lambda: send(team, upload, 0, CONTENT, "bob"),
        lambda: uploads.cancel(team.board, team.people["bob"], upload.id),
        lambda: uploads.complete(team.board, team.people["olga"], upload.id),
    ):
        with pytest.raises(Refused, match="there is none of this id") as error:
            call()
        assert error.value.status == 404


def test_a_disk_that_is_nearly_full_takes_nothing(team):
    team.limited(free_bytes=1 << 60)
    with pytest.raises(Refused, match="nearly full") as error:
        start(team)
    assert error.value.status == 507


def test_a_team_has_a_quota_of_bytes(team):
    team.enter()
    with team.board.database.write() as connection:
        connection.execute(update(teams).where(teams.c.name == "reds").values(quota_bytes=3000))
    with pytest.raises(Refused, match="your team would have more than"):
        start(team)
    start(team, "bob")


def test_open_uploads_count_among_a_teams_bytes(team):
    with team.board.database.write() as connection:
        connection.execute(update(teams).values(quota_bytes=3 * len(CONTENT) // 2))
    upload = start(team)
    with pytest.raises(Refused, match="your team would have more than"):
        start(team)
    send(team, upload, 0, CONTENT)
    with pytest.raises(Refused, match="your team would have more than"):
        start(team)
    uploads.cancel(team.board, team.people["ann"], upload.id)
    start(team)


def test_a_file_whose_writer_was_killed_goes_after_a_day(either):
    blobs = either.board.blobs
    before = blobs.names()
    left, _ = blobs.put([CONTENT])
    path = either.folder / "board" / "files" / "blobs" / left
    for hours, kept in ((23, True), (25, False)):
        stored = (either.clock.at - datetime.timedelta(hours=hours)).timestamp()
        os.utime(path, (stored, stored))
        assert slices.sweep(either.board) == (not kept)
        assert (blobs.names() == before | {left}) == kept
    upload = start(either)
    assert send(either, upload, 0, CONTENT).sha256 == left and blobs.has(left)


def test_the_disk_has_to_hold_what_is_packed_once_it_is_unpacked(team, monkeypatch):
    team.limited(free_bytes=0)
    monkeypatch.setattr(team.board.blobs, "free_bytes", lambda: 40 << 20)
    start(team, length=1 << 20)
    with pytest.raises(Refused, match="nearly full"):
        start(team, length=1 << 20, encoding="gzip")


def test_files_go_with_the_last_upload_that_names_them(either):
    blobs, ann = either.board.blobs, either.people["ann"]
    before, first, second = blobs.names(), start(either), start(either, "bob")
    send(either, first, 0, CONTENT)
    send(either, second, 0, CONTENT, "bob")
    uploads.cancel(either.board, ann, first.id)
    assert blobs.has(SHA256)
    either.clock.move(hours=25)
    slices.sweep(either.board)
    assert blobs.names() == before
    again = start(either)
    assert send(either, again, 0, CONTENT).sha256 == SHA256 and blobs.has(SHA256)
    either.enter("bob")
    assert slices.sweep(either.board) == 0 and len(blobs.names()) == len(before) + 2


def test_a_file_that_is_removed_while_it_is_stored_again_is_sent_again(team, monkeypatch):
    upload, real = start(team), team.board.blobs.put

    def removed(pieces):
        found = real(pieces)
        team.board.blobs.remove(found[0])
        return found

    monkeypatch.setattr(team.board.blobs, "put", removed)
    with pytest.raises(Refused, match="just being removed: send it again") as error:
        send(team, upload, 0, CONTENT)
    assert error.value.status == 503
    monkeypatch.undo()
    assert uploads.complete(team.board, team.people["ann"], upload.id).sha256 == SHA256


def test_slices_of_a_process_that_was_killed_are_swept_and_no_others(either):
    blobs, going_on = either.board.blobs, start(either)
    send(either, going_on, 0, CONTENT[:1000])
    left = [slices.new_name(going_on.id, 0), slices.new_name("0" * 16, 0)]
    coming = slices.new_name(going_on.id, 1000)
    done = start(either)
    send(either, done, 0, CONTENT)
    left.append(slices.new_name(done.id, 0))
    for name in (*left, coming):
        blobs.put_part(name, CONTENT[:10])
    kept = blobs.part_names() - {*left}
    assert len(kept) == 2 and slices.sweep(either.board) == 3 and blobs.part_names() == kept
    assert send(either, going_on, 1000, CONTENT[1000:]).sha256 == SHA256
    assert slices.sweep(either.board) == 1 and not blobs.part_names()
    again = start(either, "bob")
    blobs.put_part(slices.new_name(again.id, 0), CONTENT[:10])
    either.clock.move(days=2)
    assert slices.sweep(either.board) == 4 and not blobs.part_names()


def test_a_file_that_was_never_finished_is_swept_after_a_day(team):
    begun = Path(team.board.blobs.place, "parts", "new-0123456789abcdef")
    begun.parent.mkdir(exist_ok=True)
    begun.write_bytes(CONTENT)
    at = team.clock.at.timestamp()
    os.utime(begun, (at, at))
    assert not team.board.blobs.part_names()
    team.clock.move(hours=24)
    assert slices.sweep(team.board) == 0 and begun.exists()
    team.clock.move(seconds=1)
    assert slices.sweep(team.board) == 1 and not begun.exists()


def unpack(packed, **limits):
    pieces = (packed[i : i + 1000] for i in range(0, len(packed), 1000))
    return b"".join(inflated(pieces, Limits(**limits)))


def test_gzip_is_unpacked(team):
    packed = gzip.compress(CONTENT)
    done = send(team, start(team, content=packed, encoding="gzip"), 0, packed)
    assert done.sha256 == SHA256 and unpack(packed) == CONTENT


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (b"no gzip at all", "is not a gzip file"),
        (zlib.compress(CONTENT), "is not a gzip file"),
        (gzip.compress(CONTENT)[:-9], "is cut short"),
        (gzip.compress(CONTENT)[:-1] + b"!", "or a damaged one"),
        (gzip.compress(CONTENT) * 2, "goes on behind its end"),
        (gzip.compress(CONTENT) + bytes(2000), "goes on behind its end"),
        (gzip.compress(bytes(40 << 20)), "more than 50 times its size"),
    ],
)
def test_gzip_that_is_none_or_a_bomb_ends_the_upload(team, packed, says):
    upload = start(team, content=packed, encoding="gzip")
    with pytest.raises(Refused, match=says):
        send(team, upload, 0, packed)
    with pytest.raises(Refused, match="there is none of this id"):
        uploads.state(team.board, team.people["ann"], upload.id)
    assert not team.board.blobs.part_names()
    team.enter()


def test_gzip_has_a_ceiling_whatever_its_ratio():
    with pytest.raises(Refused, match="inflates to more than"):
        unpack(gzip.compress(bytes(4 << 20)), raw_bytes=1 << 20, inflation=10**6)


def test_what_a_phase_does_not_take_any_more_is_refused(team):
    with team.board.database.write() as connection:
        from sensorium_tf.leaderboard.tables import phases

        closes = boards.START.replace(hour=18)
        connection.execute(update(phases).values(closes_at=closes, grace_seconds=600))
    team.clock.at = closes.replace(minute=10)
    upload, unbound = start(team, declared=SHA256), start(team)
    send(team, unbound, 0, CONTENT[:10])
    team.clock.move(seconds=1)
    with pytest.raises(Refused, match="is closed; the upload was opened too late"):
        start(team)
    assert send(team, upload, 0, CONTENT).sha256 == SHA256
    # What it holds could still be chosen.
    with pytest.raises(Refused, match="is closed; uploads opened with their sha256"):
        send(team, unbound, 10, CONTENT[10:])
    with team.board.database.write() as connection:
        connection.execute(update(phases).values(revealed_at=team.clock.at))
    with pytest.raises(Refused, match="is revealed; uploads opened with their sha256"):
        send(team, unbound, 10, CONTENT[10:])
