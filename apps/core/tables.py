"""
Set-wise SQL for services whose rows are many: ids ahead of time, COPY in, UPDATE from arrays.

Each takes an open psycopg cursor (Django's will do); each is one statement whatever the number of rows.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import psycopg
from psycopg import sql
from psycopg.types.array import ListDumper


class NumbersDumper(ListDumper):
    """Writes a list of whole numbers at once, where psycopg asks for each whether it is quoted; any other list as psycopg does."""

    def dump(self, obj: list[Any]) -> bytes | None:
        if set(map(type, obj)) == {int}:
            return b"{%s}" % ",".join(map(str, obj)).encode()
        return super().dump(obj)


psycopg.adapters.register_dumper(list, NumbersDumper)  # Of every connection: acts name thousands of rows, many times over.


def one_at_a_time(cursor, what: str) -> None:
    """Waits for whoever else makes one of these in a transaction that is open; for what has no row to lock yet."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [what])


def hold_against_all(cursor, table: str) -> None:
    """Nobody else changes the table until the transaction ends; waits for those who said they ``will_change`` it."""
    cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(table)))


def will_change(cursor, tables: Sequence[str]) -> None:
    """
    Waits for whoever holds one of the tables against all. Said before rows are locked that will be changed: the holder
    would wait for the rows while we wait for the table.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    cursor.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(names))


def next_ids(cursor, table: str, count: int) -> list[int]:
    """``count`` fresh primary keys of the table, ascending."""
    if not count:
        return []
    cursor.execute(  # The sequence is looked up once, not once a number.
        "SELECT nextval(q.s) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS s OFFSET 0) q,"
        " generate_series(1, %s)",
        [f'"{table}"', count],
    )
    return [row[0] for row in cursor.fetchall()]


def copy_in(cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes the rows by one COPY; values in the columns' order."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def copy_frame(cursor, table: str, frame: pl.DataFrame) -> None:
    """Writes the frame's rows by one COPY, its columns being the table's; for tens of thousands of rows."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, frame.columns))
    )
    # Null is written as nothing and empty text as "", which is how PostgreSQL tells them apart.
    with cursor.copy(statement) as copy:
        copy.write(frame.write_csv(include_header=False, quote_style="necessary", null_value=""))


def update_many(
    cursor, table: str, ids: Sequence[int], columns: dict[str, tuple[str, Sequence[Any]]], bump: bool = False
) -> int:
    """
    Sets columns of many rows to values of their own, in one UPDATE.

    :param columns: column to (PostgreSQL type of one value, values in the order of ``ids``)
    :param bump: whether the rows' ``version`` goes up by one
    :returns: how many rows were written
    """
    if not ids:
        return 0
    sets = [sql.SQL("{0} = u.{0}").format(sql.Identifier(c)) for c in columns]
    if bump:
        sets.append(sql.SQL("version = t.version + 1"))
    arrays = [sql.SQL("%s::bigint[]")] + [sql.SQL("%s::{}[]").format(sql.SQL(kind)) for kind, _ in columns.values()]
    names = [sql.Identifier("id")] + [sql.Identifier(c) for c in columns]
    statement = sql.SQL("UPDATE {} AS t SET {} FROM unnest({}) AS u({}) WHERE t.id = u.id").format(
        sql.Identifier(table), sql.SQL(", ").join(sets), sql.SQL(", ").join(arrays), sql.SQL(", ").join(names)
    )
    cursor.execute(statement, [list(ids)] + [list(values) for _, values in columns.values()])
    return cursor.rowcount
