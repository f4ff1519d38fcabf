"""How many processes go on with a search: plain numbers in, a number and a reason out."""

import dataclasses
import math

import hypothesis
import pytest
from hypothesis import strategies as st

from tuners.parallel.plan import FASTER, MEMORY_SHARE, ROUNDS, SAVED, Room, Work, plan, seconds_of

GB = 10**9
TWO = Room(cores=2.0, start=6.0, memory=16 * GB, worker_memory=GB)
LONG = Work(trials=27, wall=10.0, cpu=10.0)

SECONDS = st.floats(0.01, 1e4)
WORK = st.builds(Work, st.integers(0, 300), SECONDS, SECONDS, st.none() | st.floats(0.0, 1e5))
MEMORY = st.none() | st.integers(0, 10**12)
ROOM = st.builds(Room, st.floats(0.1, 128.0), st.floats(0.0, 100.0), MEMORY, st.integers(1, 10**11), st.booleans())


@hypothesis.given(WORK, ROOM)
def test_several_processes_are_chosen_only_where_they_fit_and_pay(work, room):
    made = plan(work, room)
    assert made.reason and made.workers >= 1 and made.alone >= 0
    if made.workers == 1:
        return
    assert made.workers <= min(work.trials, math.ceil(room.cores)) and not room.gpu
    assert made.workers * room.worker_memory <= MEMORY_SHARE * room.memory
    assert made.workers == 2 or made.workers * ROUNDS <= work.trials
    assert made.together <= min(FASTER * made.alone, made.alone - SAVED)
    assert made.alone <= work.trials * work.wall


@hypothesis.given(WORK, ROOM, st.floats(1.0, 2.0))
def test_a_trial_that_keeps_all_cores_busy_stays(work, room, more):
    assert plan(dataclasses.replace(work, cpu=work.wall * room.cores * more), room).wished == 1


@hypothesis.given(WORK, ROOM)
def test_one_core_is_for_one_process(work, room):
    assert plan(work, dataclasses.replace(room, cores=min(1.0, room.cores))).wished == 1


@hypothesis.given(WORK, ROOM, st.floats(1.0, 5.0))
def test_a_start_that_costs_more_makes_no_more_processes(work, room, times):
    dearer = dataclasses.replace(room, start=room.start * times + 1)
    assert (plan(work, dearer).workers == 1) or plan(work, room).workers > 1


@hypothesis.given(WORK, ROOM, st.integers(1, 64))
def test_no_processor_time_is_saved_and_no_trial_is_faster_than_alone(work, room, workers):
    took = seconds_of(work, room, workers)
    assert took * room.cores >= 0.999 * work.trials * work.cpu
    assert took * workers >= 0.999 * work.trials * work.wall


@pytest.mark.parametrize(
    ("work", "room", "workers"),
    [
        (LONG, TWO, 2),
        (Work(27, 0.3, 0.3), TWO, 1),
        (Work(27, 10.0, 19.0), TWO, 1),
        (Work(27, 10.0, 13.0), TWO, 2),
        (Work(2, 10.0, 10.0), TWO, 1),
        (Work(2, 60.0, 60.0), TWO, 2),
        (Work(1, 6000.0, 6000.0), TWO, 1),
        (dataclasses.replace(LONG, time_left=15.0), TWO, 1),
        (dataclasses.replace(LONG, time_left=100.0), TWO, 2),
        (dataclasses.replace(LONG, time_left=0.0), TWO, 1),
        (LONG, dataclasses.replace(TWO, start=150.0), 1),
        (LONG, dataclasses.replace(TWO, cores=64.0), 4),
        (Work(300, 100.0, 100.0), dataclasses.replace(TWO, cores=16.0, memory=64 * GB), 15),
    ],
    ids=[
        "long trials", "short ones", "ones that use both cores", "ones that use one and a bit", "few trials",
        "few long trials", "the last trial", "little time", "time for some", "no time", "a start that takes long",
        "many cores, few trials", "many cores, many trials",
    ],
)  # fmt: skip
def test_how_many_processes(work, room, workers):
    assert plan(work, room).workers == workers


@pytest.mark.parametrize(
    ("changed", "workers", "reason"),
    [
        # A container with half of a core, with one and a half, and with two of the 64 cores of its machine.
        ({"cores": 0.5}, 1, "no second core"),
        ({"cores": 1.5}, 2, "of 1.5 free cores"),
        # Programs of others keep all but a bit of the second core busy.
        ({"cores": 1.1}, 1, "of 1.1 free cores"),
        # A machine of 4 GB beside a process of 2.5.
        ({"memory": int(1.5 * GB)}, 1, "each further one needs 1.0 GB of memory, and 1.5 GB are free"),
        ({"memory": None}, 1, "not known"),
        ({"gpu": True}, 1, "a GPU trains"),
        # 24 cores and memory for 6 processes.
        ({"cores": 24.0, "memory": 4 * GB}, 2, "of 24.0 free cores"),
    ],
)
def test_what_there_is_limits_them_and_is_said(changed, workers, reason):
    made = plan(LONG, dataclasses.replace(TWO, **changed))
    assert made.workers == workers
    assert reason in made.reason
