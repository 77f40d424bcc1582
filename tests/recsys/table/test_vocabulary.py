"""Counting and looking up in chunks gives what one pass over everything would."""

from __future__ import annotations

from collections import Counter as PlainCounter

import numpy as np
import pyarrow as pa
import pytest

from recsys.table import vocabulary
from recsys.table.vocabulary import Counter, keep_frequent, look_up

DRAW = np.random.default_rng(0)
WORDS = [f"w{rank}" for rank in DRAW.zipf(1.5, size=5000) % 700]
CHUNKS = [pa.array(WORDS[start : start + 512]) for start in range(0, 5000, 512)]


def found(counter):
    return dict(zip(*(array.to_pylist() for array in counter.result()), strict=True))


@pytest.mark.parametrize("pending", [1, 100, 1 << 20])
def test_counts_do_not_depend_on_when_they_are_merged(monkeypatch, pending):
    monkeypatch.setattr(vocabulary, "PENDING", pending)
    counter = Counter(pa.string())
    for chunk in CHUNKS:
        counter.add(chunk)
    assert len(counter.result()[0]) == len(set(WORDS))
    assert found(counter) == PlainCounter(WORDS)


def test_dictionaries_count_like_texts():
    plain, coded = Counter(pa.string()), Counter(pa.string())
    for chunk in CHUNKS:
        plain.add(chunk)
        coded.add(chunk.dictionary_encode())
    assert found(plain) == found(coded) == PlainCounter(WORDS)


def test_rare_values_are_left_out_and_the_frequent_come_first():
    counter = Counter(pa.string())
    for chunk in CHUNKS:
        counter.add(chunk)
    values, counts = keep_frequent(*counter.result(), min_count=3)
    expected = {word: count for word, count in PlainCounter(WORDS).items() if count >= 3}
    assert dict(zip(values.to_pylist(), counts.tolist(), strict=True)) == expected
    ranks = list(zip((-counts).tolist(), values.to_pylist(), strict=True))
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("size", [1, 40, 3000])
def test_ids_come_one_piece_a_chunk_whatever_is_gathered(coded, size):
    known = [f"w{number}" for number in range(size)]
    holes = [None if number % 7 == 0 else word for number, word in enumerate(WORDS)]
    chunks = [pa.array(holes[start : start + 512]) for start in range(0, 5000, 512)]
    given = [chunk.dictionary_encode() for chunk in chunks] if coded else chunks
    pieces = list(look_up(pa.array(known), given))
    assert [len(piece) for piece in pieces] == [len(chunk) for chunk in chunks]
    place = {word: number + 1 for number, word in enumerate(known)}
    assert np.concatenate(pieces).tolist() == [place.get(word, 0) for word in holes]


def test_an_empty_vocabulary_knows_nothing():
    pieces = list(look_up(pa.array([], pa.string()), [pa.array(["a", None])]))
    assert pieces[0].tolist() == [0, 0]
