"""Lines of a log in bulk: the same as line by line, whatever stands in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.runs.step_scan import StepRun, scan


def step(number: int, extra: str = "") -> bytes:
    rates = '"loss":1.5,"learning_rate":0.1,"grad_norm":1.0,"tokens_per_second":5.0'
    sizes = '"seq_len":2,"batch_size":1'
    return f'{{"type":"step","time":1.0,"step":{number},"tokens":5,{rates},{sizes}{extra}}}'.encode()


lines = st.lists(
    st.one_of(
        st.builds(step, st.integers(0, 9)),
        st.sampled_from(
            [
                *(b"", b" ", b"{", b"}", b"{}", b"null", b"[{}]", b"}{", step(1) + step(2), b" " + step(3)),
                *(step(4) + b" ", step(5) + b" " + step(6), step(7, ',"more":{"a":{}}'), step(8)[:-9]),
                b'{"type":"x"}',
                b'{"type":"rollback","time":1.0,"step":1,"tokens":1,"to_step":1,"checkpoint":"",'
                b'"learning_rate_scale":0.5,"count":1}',
                b'{"type":"memory","time":1.0,"step":1,"tokens":1,"rss":1' + b"0" * 400 + b"}",
            ]
        ),
    ),
    max_size=12,
)


def told(found: Iterable[Any]) -> list[Any]:
    """Steps one by one with what stands in them, and the other events."""
    flat: list[Any] = []
    for each in found:
        if isinstance(each, StepRun):
            flat += [("step", *column) for column in each.numbers.T.tolist()]
            assert each.last["step"] == flat[-1][1]
        else:
            flat.append(each)
    return flat


@given(lines)
def test_many_lines_are_what_each_is(written: list[bytes]) -> None:
    whole = told(scan(b"".join(line + b"\n" for line in written)))
    assert whole == [each for line in written for each in told(scan(line + b"\n"))]
    assert len(whole) == len(written)


@given(lines)
def test_every_whole_number_fits_64_bits(written: list[bytes]) -> None:
    for event in told(scan(b"".join(line + b"\n" for line in written))):
        if dataclasses.is_dataclass(event):
            values = [value for value in vars(event).values() if type(value) is int]
            assert all(abs(value) < 2**63 for value in values)
