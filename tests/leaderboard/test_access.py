"""One function says who sees what; this is its whole table."""

import itertools

import pytest

from sensorium_tf.leaderboard.access import ADMIN, READ, SUBMIT, Facts, Part, Viewer, may_see
from sensorium_tf.leaderboard.board import Refused

WHO = {
    "anybody": Viewer(),
    "other": Viewer(1, "bob", frozenset({2}), scopes=frozenset({READ, SUBMIT})),
    "own": Viewer(2, "ann", frozenset({1}), scopes=frozenset({READ})),
    "own, upload token": Viewer(2, "ann", frozenset({1}), scopes=frozenset({SUBMIT})),
    "organiser": Viewer(3, "olga", organises=True, scopes=frozenset({ADMIN})),
    "organiser, plain token": Viewer(3, "olga", organises=True, scopes=frozenset({READ})),
}


def expected(who, part, *, is_public, is_revealed, is_closed):
    if part in (Part.SCORES, Part.NEURONS) and not is_revealed:
        return False
    if who == "organiser":
        return True
    if who == "own":
        return part is not Part.NEURONS or is_closed
    return is_public and part is not Part.STATE and (part is not Part.NEURONS or is_closed)


@pytest.mark.parametrize("who", WHO)
def test_who_sees_what(who):
    for part, *facts in itertools.product(Part, *[(False, True)] * 3):
        flags = dict(zip(("is_public", "is_revealed", "is_closed"), facts, strict=True))
        found = may_see(WHO[who], part, Facts(team_id=1, **flags))
        assert found is expected(who, part, **flags), (part, flags)


@pytest.mark.parametrize(
    ("who", "scope", "status"),
    [("anybody", READ, 401), ("own", SUBMIT, 403), ("other", ADMIN, 403), ("own", READ, None)],
)
def test_what_a_token_may_not_do_is_refused(who, scope, status):
    if status is None:
        WHO[who].require(scope)
        return
    with pytest.raises(Refused) as error:
        WHO[who].require(scope)
    assert error.value.status == status


def test_an_admin_token_makes_nobody_an_organiser():
    viewer = Viewer(1, "bob", scopes=frozenset({ADMIN}))
    assert not viewer.is_organiser
    with pytest.raises(Refused, match="only organisers"):
        viewer.require_organiser()
