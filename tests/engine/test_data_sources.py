"""The same rows from every kind of file give the same examples, read one after another."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.engine import data
from methods.engine.data import (
    Demonstration,
    fingerprint,
    load_demonstrations,
    load_labelled,
    load_pairs,
    load_prompts,
    load_steps,
)
from methods.engine.data.sources import rows_of
from tests.engine.chats import Chat, Plain, assistant, user
from tests.engine.data_files import TEXTS, in_every_format


@pytest.mark.parametrize(
    ("load", "row"),
    [
        (load_demonstrations, {"prompt": "{}", "completion": "c{}"}),
        (load_demonstrations, {"text": "t{}"}),
        (load_demonstrations, {"instruction": "do {}", "input": "", "output": "{}"}),
        (load_pairs, {"prompt": "p", "chosen": "{}", "rejected": "not {}", "score": "3"}),
        (load_prompts, {"prompt": "{}", "answer": "{}"}),
        (load_labelled, {"prompt": "{}", "completion": "{}", "label": True}),
    ],
)
def test_the_same_rows_have_the_same_fingerprint_in_every_format(tmp_path, load, row):
    rows = [
        {k: v.format(text) if isinstance(v, str) else i % 2 == 0 for k, v in row.items()}
        for i, text in enumerate(TEXTS)
    ]
    paths = in_every_format(tmp_path, rows)
    assert len(paths) == 7
    found = [load(str(path), Plain()) for path in paths]
    assert len(found[0]) == len(TEXTS)
    assert {fingerprint(rows) for rows in found} == {fingerprint(found[0])}
    assert all(rows == found[0] for rows in found)


@pytest.mark.parametrize(
    ("load", "rows"),
    [
        (load_demonstrations, [{"messages": [user("a"), assistant("b")]}] * 2),
        (
            load_pairs,
            [{"prompt": [user("a")], "chosen": [assistant("b")], "rejected": [assistant("c")]}],
        ),
        (
            load_demonstrations,
            [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}],
        ),
        (load_steps, [{"prompt": "p", "completions": ["a", "b"], "labels": [True, False]}]),
        # Parquet writes a null where a row lacks what another has.
        (load_prompts, [{"prompt": "a", "answer": 1}, {"prompt": "b"}]),
        (
            load_demonstrations,
            [{"prompt": "a", "completion": "b"}, {"messages": [user("a"), assistant("b")]}],
        ),
    ],
)
def test_lists_and_nulls_read_the_same_from_parquet_as_from_jsonl(tmp_path, load, rows):
    every = [*rows, *rows]
    paths = in_every_format(tmp_path, every, flat=False)
    found = [load(str(path), Chat()) for path in paths]
    assert {fingerprint(loaded) for loaded in found} == {fingerprint(found[0])}
    assert len(found[0]) == len(every)


@settings(max_examples=40)
@given(st.lists(st.text(min_size=1).filter(lambda t: t.strip()), min_size=1, max_size=5))
def test_any_text_reads_the_same_from_every_format(tmp_path_factory, texts):
    rows = [{"prompt": text, "completion": text[::-1]} for text in texts]
    paths = in_every_format(tmp_path_factory.mktemp("any"), rows)
    expected = tuple(Demonstration(row["prompt"], row["completion"]) for row in rows)
    assert [load_demonstrations(str(path), Plain()) for path in paths] == [expected] * 7


def test_a_row_is_forgotten_before_the_next_few_are_read(tmp_path, monkeypatch):
    rows = [{"text": f"{i}"} for i in range(3000)]
    alive, most = weakref.WeakSet(), {}

    def watched(source):
        for row in rows_of(source):
            alive.add(row)
            most[source] = max(most.get(source, 0), len(alive))
            yield row

    monkeypatch.setattr(data.load, "rows_of", watched)
    monkeypatch.setattr("methods.engine.data.row.Row.__hash__", object.__hash__)
    for path in in_every_format(tmp_path, rows):
        assert len(load_demonstrations(str(path), Plain())) == 3000
    assert set(most.values()) <= {1, 2, 3}
