"""Files that somebody made to do harm: real ones with a part of them changed, as JSON and as bytes.

`KZOO_FUZZ_SECONDS` says how long each reader is tried (`make fuzz`); a run of the tests tries a few files of each.
"""

import copy
import json
import os
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("KZOO_FUZZ_SECONDS", 0))
EXAMPLES = 300 if SECONDS else 40

DEEP = "[" * 2000 + "]" * 2000
WHOLE = [b"", b"\0", b"\xff\xfe", DEEP.encode(), b"[" * 100_000, b"9" * 5000, b'"\\ud800"', b"{}", b"[]", b"null"]
LEAVES = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1.5, "", "x", "\0", "\ud800", "../../x", "\x1b[2J", "a\nb", [], {}]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308]),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
NAMES = st.sampled_from(["b64", "kind", "x", "signature_name", "instances", "request"])
VALUES = st.recursive(
    LEAVES,
    lambda each: st.one_of(
        st.lists(each, max_size=4),
        st.dictionaries(NAMES, each, max_size=3),
    ),
    max_leaves=6,
)


def places(value, path=()):
    """Paths to everything in a tree."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def with_change(value, path, change):
    """A copy in which one place is changed; `change` gets what holds it and its key."""
    holder = {"root": copy.deepcopy(value)}
    target, keys = holder, ("root", *path)
    for key in keys[:-1]:
        target = target[key]
    change(target, keys[-1])
    return holder.get("root")


@st.composite
def changed_trees(draw, original):
    """A tree with a few places replaced, taken out, or added to."""
    value = original
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        kind = draw(st.sampled_from(["replace", "remove", "add"]))
        new = draw(VALUES)

        def change(holder, key, kind=kind, new=new):
            if kind == "replace":
                holder[key] = new
            elif kind == "remove":
                del holder[key]
            elif isinstance(holder[key], dict):
                holder[key]["new"] = new
            elif isinstance(holder[key], list):
                holder[key].append(new)

        value = with_change(value, path, change)
    return value


@st.composite
def changed_bytes(draw, original):
    """Bytes with some of them flipped, cut out, doubled or put in."""
    content = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([1, 1, 2, 8, 64]))
        kind = draw(st.sampled_from(["flip", "cut", "double", "insert", "end"]))
        if kind == "flip" and place < len(content):
            content[place] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del content[place : place + length]
        elif kind == "double":
            content[place:place] = content[place : place + length]
        elif kind == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=length))
        elif kind == "end":
            del content[place:]
    return bytes(content)


def texts(value):
    """A tree as JSON that Python's writer would not write: numbers that are none, and deep nesting for a mark."""
    return json.dumps(value).replace('"DEEP"', DEEP).encode()


def files(original):
    """Hostile forms of a JSON file, given as the value that it holds."""
    return st.one_of(
        changed_trees(original).map(texts),
        changed_bytes(json.dumps(original).encode()),
        st.sampled_from(WHOLE),
    )


def tried(strategy, check):
    """Try a reader on what a strategy makes: a few of them, or for as long as `KZOO_FUZZ_SECONDS` says."""
    end = time.monotonic() + SECONDS
    while True:
        run(strategy, check)
        if time.monotonic() >= end:
            return


def run(strategy, check):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(strategy)
    def one(value):
        check(value)

    one()


def one_line(error):
    """What a user reads of an error, which must be a line that can be shown."""
    text = str(error)
    assert text.strip() and "\n" not in text and len(text) < 2000, text[:200]


long = pytest.mark.timeout(SECONDS + 240)
