"""Stop strings: held back for as long as they are possible, never shown, found wherever tokens end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.completion.pieces import Piece, StopFilter


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


@given(
    st.lists(st.text(alphabet="ab¶", max_size=4), max_size=25),
    st.lists(st.text(alphabet="ab¶", min_size=1, max_size=5), max_size=3),
)
def test_pieces_shown_are_the_text_up_to_the_stop_that_is_complete_first(texts, stops):
    filter_, shown = StopFilter(stops), []
    for at, text in enumerate(texts):
        shown += filter_.push(Piece(text, at, 1.0))
        so_far = "".join(texts[: at + 1])
        assert so_far.startswith(text_of(shown))
        if filter_.stopped:
            break
        assert not any(stop in so_far for stop in stops)
    else:
        shown += filter_.finish()
    whole = "".join(texts)
    if not filter_.stopped:
        assert text_of(shown) == whole
        assert [p.id for p in shown] == list(range(len(texts)))
        return
    given_so_far = "".join(texts[: at + 1])
    before = "".join(texts[:at])
    assert not any(stop in before for stop in stops)
    assert text_of(shown) == given_so_far[: min(given_so_far.find(s) for s in stops if s in given_so_far)]


def test_nothing_is_held_back_without_need():
    assert len(StopFilter(["stop"]).push(Piece("so", 0, 1.0))) == 1
    assert len(StopFilter([]).push(Piece("s", 0, 1.0))) == 1
    assert StopFilter(["stop"]).push(Piece("s", 0, 1.0)) == []


def test_half_a_character_waits_for_its_other_half():
    stops = StopFilter([])
    assert stops.push(Piece("", 0, 1.0)) == []
    assert [piece.id for piece in stops.push(Piece("é", 1, 1.0))] == [0, 1]
    assert stops.push(Piece("", 2, 1.0)) == []
    assert stops.finish("\ufffd") == [Piece("\ufffd", 2, 1.0)]
