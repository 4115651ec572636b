"""A database file that is not what was written."""

import sqlite3

DAMAGED = "`sweeper db check` says what is damaged, `sweeper db rebuild` makes the store again from its newest copy and the trials' folders"


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says so."""
    damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in damage
