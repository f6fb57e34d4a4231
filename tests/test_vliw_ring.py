"""The ring workload: its mixer, its data, its oracle and the program it starts with."""

import numpy as np
import pytest

from course.sim import ring
from course.sim.vliw import encode, run

RINGS = [(seed, clustered) for seed in range(5) for clustered in (False, True)]


def fresh(seed, clustered):
    """Return a ring made from a seed."""
    return ring.fresh(np.random.default_rng(seed), clustered)


def mixed(words: np.ndarray) -> np.ndarray:
    """Return `mix` of uint32 words, written anew on arrays."""
    k = words + np.uint32(0xDB7BE190)
    k ^= k >> np.uint32(17)
    k = k * np.uint32(0xE06FE589) + np.uint32(0x998186BB)
    k ^= k >> np.uint32(12)
    k = k * np.uint32(0x866C22EB)
    k += k << np.uint32(3)
    return k ^ (k >> np.uint32(17))


def test_mix_is_what_its_steps_say():
    words = np.random.default_rng(1).integers(0, 2**32, 500, dtype=np.uint32)
    words = np.concatenate([words, np.array([0, 1, 2**31, 2**32 - 1], np.uint32)])
    assert mixed(words).tolist() == [ring.mix(int(word)) for word in words]


@pytest.mark.parametrize("sequence", ["random", "counting", "multiples of 65536"])
def test_each_bit_of_a_key_moves_each_bit_of_the_mix_half_the_time(sequence):
    count = 40_000
    words = {
        "random": np.random.default_rng(2).integers(0, 2**32, count, dtype=np.uint32),
        "counting": np.arange(count, dtype=np.uint32),
        "multiples of 65536": np.arange(count, dtype=np.uint32) << np.uint32(16),
    }[sequence]
    before = mixed(words)
    for bit in range(32):
        moved = before ^ mixed(words ^ np.uint32(1 << bit))
        share = [((moved >> np.uint32(out)) & 1).mean() for out in range(32)]
        assert max(abs(np.array(share) - 0.5)) < 0.02, bit


def test_no_two_keys_meet_in_the_mix():
    words = np.random.default_rng(3).integers(0, 2**32, 200_000, dtype=np.uint32)
    words = np.unique(words)
    assert len(np.unique(mixed(words))) == len(words)


@pytest.mark.parametrize(("seed", "clustered"), RINGS)
def test_a_fresh_ring(seed, clustered):
    found = fresh(seed, clustered)
    assert len(set(found.points)) == len(found.points) == 1023
    assert list(found.points) == sorted(found.points)
    assert (len(found.owners), len(found.keys)) == (1023, 256)
    words = (*found.points, *found.owners, *found.keys)
    assert min(words) >= 0
    assert max(words) < 2**32
    assert found == fresh(seed, clustered) != fresh(seed + 1, clustered)
    met = {ring.mix(key) for key in found.keys} & set(found.points)
    assert len(met) >= 100 if clustered else len(met) <= 1
    gaps = np.diff(found.points)
    assert (np.median(gaps) < 16) == clustered


def test_memory_says_where_everything_is():
    found = fresh(1, False)
    memory = found.memory()
    said = dict(zip(ring.HEADER, memory, strict=False))
    assert (said["rounds"], said["keys"], said["points"]) == (8, 256, 1023)
    at = said["POINT"]
    assert memory[at : at + 1023] == list(found.points)
    at = said["OWNER"]
    assert memory[at : at + 1023] == list(found.owners)
    at = said["KEY"]
    assert memory[at : at + 256] == list(found.keys)
    assert not any(memory[said["OUT"] :])
    assert said["OUT"] + 8 * 256 == said["SPARE"]
    assert len(memory) == said["SPARE"] + 4096 == ring.WORDS


@pytest.mark.parametrize(("seed", "clustered"), RINGS)
def test_the_oracle_agrees_with_a_search_of_arrays(seed, clustered):
    found = fresh(seed, clustered)
    keys = np.array(found.keys, np.uint32)
    points = np.array(found.points, np.uint32)
    owner = np.zeros(256, np.uint32)
    outputs = []
    for number in range(8):
        keys = mixed(keys + np.uint32(number) + owner)
        below = (points[None, :] < keys[:, None]).sum(axis=1)
        owner = np.array(found.owners, np.uint32)[below % 1023]
        outputs += owner.tolist()
    assert ring.oracle(found) == (outputs, keys.tolist())


def test_a_ring_worked_out_by_hand():
    # All points below every key but one, so that lookups wrap to the first owner.
    points = tuple(range(1023))
    found = ring.Ring(points, tuple(range(5000, 6023)), (0,) * 256)
    first = ring.mix(0)
    assert first > 1022
    outputs, _ = ring.oracle(found)
    assert outputs[:256] == [5000] * 256
    # The first key's place, once exactly on it and once just above it.
    for points, owner in [
        ((*range(1022), first), 6022),
        ((*range(1022), first - 1), 5000),
        ((*range(1021), first, first + 1), 6021),
    ]:
        found = ring.Ring(points, tuple(range(5000, 6023)), (0,) * 256)
        assert ring.oracle(found)[0][0] == owner


def test_the_scalar_program_is_right_on_all_rings():
    program = ring.scalar_program()
    assert all(sum(len(slots) for slots in bundle.values()) == 1 for bundle in program)
    encoded = encode(program)
    for seed, clustered in RINGS:
        found = fresh(seed, clustered)
        done = encoded.run(found.memory())
        assert ring.results(done.memory) == ring.oracle(found)
        assert done.cycles == len(program)
    assert run(program, found.memory()) == done


def test_the_scalar_program_sees_ties_and_wraps():
    first = ring.mix(0)
    encoded = encode(ring.scalar_program())
    for points in (
        tuple(range(1023)),
        (*range(1022), first),
        (*range(1022), first - 1),
        tuple(range(2**32 - 1023, 2**32)),
    ):
        found = ring.Ring(points, tuple(range(1023)), tuple(range(256)))
        done = encoded.run(found.memory())
        assert ring.results(done.memory) == ring.oracle(found)
