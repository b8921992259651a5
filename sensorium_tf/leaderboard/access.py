"""Who sees what: one function, which every page, answer and file asks."""

import dataclasses
import enum

from sensorium_tf.leaderboard.board import Refused

#: What a token or a session may do.
SCOPES = ("read", "submit", "admin")
READ, SUBMIT, ADMIN = SCOPES


@dataclasses.dataclass(frozen=True)
class Viewer:
    """Somebody who asks.

    Attributes:
        user_id: None for whoever is not known.
        name: Of the user.
        teams: Ids of the teams that the user is in.
        organises: Whether the user is an organiser.
        scopes: What the token or session may do, of `SCOPES`.
    """

    user_id: int | None = None
    name: str = ""
    teams: frozenset[int] = frozenset()
    organises: bool = False
    scopes: frozenset[str] = frozenset()

    @property
    def is_organiser(self) -> bool:
        """Whether the viewer acts as an organiser."""
        return self.organises and ADMIN in self.scopes

    def is_of(self, team_id: int) -> bool:
        """Tells whether the viewer is in a team and may read what is the team's."""
        return team_id in self.teams and READ in self.scopes

    def require(self, scope: str) -> None:
        """Raises Refused unless the viewer is known and may do something.

        Args:
            scope: Of `SCOPES`.
        """
        if self.user_id is None:
            raise Refused("this needs a token or a login", 401)
        if scope not in self.scopes:
            raise Refused(f"this token may not {scope}: make one with the scope {scope}", 403)

    def require_organiser(self) -> None:
        """Raises Refused unless the viewer acts as an organiser."""
        self.require(ADMIN)
        if not self.organises:
            raise Refused("only organisers may do this", 403)


#: Whoever is not known.
ANYBODY = Viewer()


class Part(enum.Enum):
    """What there is to see of a submission in a phase."""

    DESCRIPTION = "name, team, method, links, label, receipt"
    SCORES = "means over neurons, and their intervals"
    NEURONS = "what the neurons' own values show"
    STATE = "how far scoring has come, and what is wrong with the file"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What decides who sees something of a submission.

    Attributes:
        team_id: Whose it is.
        is_public: Whether it is published and not withdrawn.
        is_revealed: Whether the phase shows scores: live, or final and revealed.
        is_closed: Whether the phase is over.
    """

    team_id: int
    is_public: bool
    is_revealed: bool = False
    is_closed: bool = False


def may_see(viewer: Viewer, part: Part, facts: Facts) -> bool:
    """Tells whether somebody may see a part of a submission."""
    if part in (Part.SCORES, Part.NEURONS) and not facts.is_revealed:
        return False
    if viewer.is_organiser:
        return True
    own = viewer.is_of(facts.team_id)
    if part is Part.STATE:
        return own
    if part is Part.NEURONS:
        return (own or facts.is_public) and facts.is_closed
    return own or facts.is_public
