"""One condition for any number of values, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, delete, select, update

from registry.store.among import among
from registry.store.engine import Store
from registry.store.rows import put
from registry.store.schema import meta, segments

MANY = 40_000  # more than SQLite's variables in a statement


@pytest.fixture
def filled(store: Store) -> Store:
    rows = [{"key": f"k{n}", "value": f"{n}"} for n in range(5)]
    blank = {"kind": "paper", "low": 1, "high": 2, "documents": 1, "buried": b""}
    with store.write() as connection:
        connection.execute(delete(meta))
        put(connection, meta, rows)
        connection.execute(segments.insert(), [{"id": n, **blank} for n in (1, 2, 3)])
    return store


def test_texts_and_numbers_are_found_among_any_number_of_values(filled: Store) -> None:
    keys = [f"k{n}" for n in range(3, MANY)]
    with filled.read() as connection:
        texts = select(meta.c.key).where(among(meta.c.key, keys)).order_by(meta.c.key)
        numbers = select(segments.c.id).where(among(segments.c.id, range(2, MANY)))
        assert connection.execute(texts).scalars().all() == ["k3", "k4"]
        assert sorted(connection.execute(numbers).scalars()) == [2, 3]


def test_nothing_is_among_no_values(filled: Store) -> None:
    with filled.read() as connection:
        assert connection.execute(select(meta.c.key).where(among(meta.c.key, []))).all() == []


def test_a_statement_built_once_is_asked_of_other_values(filled: Store) -> None:
    query = select(meta.c.value).where(among(meta.c.key, bindparam("keys")), meta.c.value != "4")
    with filled.read() as connection:
        for keys, values in ((["k1", "x"], ["1"]), (["k4"], []), (["k0"], ["0"])):
            assert connection.execute(query, {"keys": keys}).scalars().all() == values


def test_values_are_values_whatever_they_hold(filled: Store) -> None:
    odd = ["'; --", '"]', "\\", "{a,b}", "\u4e2d", "NULL", ""]
    with filled.write() as connection:
        put(connection, meta, [{"key": f"odd{n}", "value": v} for n, v in enumerate(odd)])
        found = connection.execute(select(meta.c.value).where(among(meta.c.value, odd)))
        assert sorted(found.scalars()) == sorted(odd)


def test_rows_among_values_are_changed_and_removed(filled: Store) -> None:
    with filled.write() as connection:
        connection.execute(update(meta).where(among(meta.c.key, ["k1"])).values(value="new"))
        connection.execute(delete(meta).where(among(meta.c.key, ["k2", "k3"])))
        rows = connection.execute(select(meta.c.key, meta.c.value).order_by(meta.c.key)).all()
    assert [tuple(row) for row in rows] == [("k0", "0"), ("k1", "new"), ("k4", "4")]


def test_the_index_of_the_column_is_used(filled: Store) -> None:
    if not filled.is_sqlite:
        pytest.skip("PostgreSQL reads a table of five rows as a whole")
    query = select(meta.c.value).where(among(meta.c.key, ["k1"]), meta.c.value != "")
    with filled.read() as connection:
        compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ('["k1"]', ""))
        told = " ".join(row[-1] for row in plan)
    assert "SEARCH meta USING INDEX" in told
