"""What everybody sees alike is made once for each state of the database."""

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from sensorium_tf.leaderboard.tables import audit, differences, scores

_MOST_KEPT = 64
_Value = TypeVar("_Value")


class Cache:
    """Keeps values until what is public changes.

    Whatever changes it adds a row somewhere: to the audit, to the scores or to the differences.
    """

    def __init__(self):
        self._kept: dict[Hashable, tuple[Any, Any]] = {}
        # Of connections that only read, each of which sees one.
        self._states: weakref.WeakKeyDictionary[Connection, Any] = weakref.WeakKeyDictionary()

    def get(self, connection: Connection, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Returns the value of a key, made anew if something has changed.

        Args:
            connection: That sees one state of the database, also while the value is made.
            key: Of the value.
            make: Returns it; must depend on nothing but the key and what is public.
        """
        state = self._state(connection)
        kept = self._kept.get(key)
        if kept is None or kept[0] != state:
            kept = state, make()
            if len(self._kept) >= _MOST_KEPT:
                self._kept = {}
            self._kept[key] = kept
        return kept[1]

    def _state(self, connection: Connection) -> Any:
        if (known := self._states.get(connection)) is not None:
            return known
        found = connection.execute(
            select(
                select(func.max(audit.c.id)).scalar_subquery(),
                select(func.count()).select_from(scores).scalar_subquery(),
                select(func.count()).select_from(differences).scalar_subquery(),
            )
        )
        state = tuple(found.one())
        if not connection.get_execution_options().get("writes"):
            self._states[connection] = state
        return state
