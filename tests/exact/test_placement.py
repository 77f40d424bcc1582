import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphforget.exact.placement import Placement

IDS = st.lists(st.integers(0, 10**9) | st.text(max_size=8), unique_by=str, max_size=30)


@settings(deadline=None)
@given(IDS, st.integers(1, 9), st.integers(1, 9), st.integers(0, 29))
def test_a_place_does_not_depend_on_who_else_is_there(ids, shards, slices, leaver):
    placement = Placement(shards, slices, salt="pepper")
    shard, slice = placement.of(ids)
    stayers = [place for place in range(len(ids)) if place != leaver]
    shard_after, slice_after = placement.of([ids[place] for place in stayers])
    assert np.array_equal(shard[stayers], shard_after)
    assert np.array_equal(slice[stayers], slice_after)
    assert all(0 <= s < shards for s in shard) and all(0 <= s < slices for s in slice)


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_an_id_is_the_same_as_number_and_as_text(id):
    placement = Placement(5, 7, salt="pepper")
    assert placement.place(id) == placement.place(str(id)) == placement.place(np.int64(id))


def test_places_are_spread_evenly_and_salts_disagree():
    one, other = (Placement(4, 5, salt=salt).of(range(4000)) for salt in ("a", "b"))
    counts = np.bincount(one[0] * 5 + one[1], minlength=20)
    assert counts.min() > 150 and counts.max() < 250  # 200 each, standard deviation 14
    assert np.mean((one[0] == other[0]) & (one[1] == other[1])) < 0.08


def test_public_ids_do_not_move_anybody_to_another_shard():
    bare, shared = Placement(3, 4, salt="a"), Placement(3, 4, salt="a", public=tuple(range(50)))
    assert np.array_equal(bare.of(range(200))[0], shared.of(range(200))[0])
    slices = shared.of(range(200))[1]
    assert not slices[:50].any() and slices[50:].all()
    assert Placement(3, 4, salt="a", public=(2, "x", 1)).public == (1, 2, "x")
