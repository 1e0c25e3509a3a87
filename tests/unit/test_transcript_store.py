"""Transcripts on the disk: nothing said is lost, several apps do no harm, and a file may be anyone's."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import answered, any_transcript, content, do_anything

from ysnakes_core.completion import transcript_store
from ysnakes_core.completion.transcript import Token, Transcript
from ysnakes_core.completion.transcript_store import KEPT_SECONDS, MAX_BYTES, TranscriptStore
from ysnakes_core.errors import UsageError, YsnakesError


@pytest.fixture
def store(tmp_path: Path) -> TranscriptStore:
    return TranscriptStore(tmp_path / "transcripts", now=itertools.count(1000.0).__next__)


def saved(store: TranscriptStore, prompt: str = "What is it?", text: str = "A snake.") -> Transcript:
    transcript = store.create()
    answered(transcript, transcript.add_turn(prompt), text)
    store.save(transcript)
    return transcript


def file_of(store: TranscriptStore, transcript: Transcript) -> Path:
    return store.folder / f"{transcript.id}.jsonl"


# --- keeping ---


@settings(max_examples=50)
@given(st.data())
def test_what_is_opened_is_what_was_saved(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = TranscriptStore(Path(folder))
        transcript = store.create()
        for _ in range(data.draw(st.integers(1, 4))):
            any_transcript(data, transcript, 4)
            store.save(transcript)
            assert transcript.is_empty or not transcript.unsaved()
        if transcript.is_empty:
            assert store.list() == []
            return
        again = store.open(transcript.id)
        transcript.close_off()
        assert content(again) == content(transcript)
        assert [listed.title for listed in store.list()] == [transcript.title]
        do_anything(data, again)
        store.save(again)
        once_more = store.open(transcript.id)
        again.close_off()
        assert content(once_more) == content(again)


def test_nothing_is_written_before_something_was_said(store: TranscriptStore) -> None:
    transcript = store.create()
    transcript.rename("Of snakes")
    store.save(transcript)
    assert not store.folder.exists()
    transcript.add_turn("What is it?")
    store.save(transcript)
    assert store.open(transcript.id).title == "Of snakes"


def test_an_answer_that_nobody_finished_counts_as_interrupted(store: TranscriptStore) -> None:
    transcript = store.create()
    turn = transcript.add_turn("What is it?", "request")
    answer = transcript.add_answer(turn.id, run="r", checkpoint="c", step=1)
    transcript.write(answer.id, [Token("A sn", 5, 0.25)], "request")
    store.save(transcript)
    (found,) = store.open(transcript.id).turn(turn.id).answers
    assert found.outcome is not None
    assert (found.text, found.outcome.reason, found.outcome.reading) == ("A sn", "interrupted", "request")
    assert found.outcome.seed is None  # nobody told it
    transcript.write(answer.id, [Token("ake", 6, 0.5)])  # it was being written, in another app
    store.save(transcript)
    assert store.open(transcript.id).answer(answer.id).text == "A snake"


@settings(max_examples=40)
@given(st.data())
def test_a_file_that_was_cut_off_holds_what_was_said_before(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = TranscriptStore(Path(folder))
        transcript = saved(store)
        any_transcript(data, transcript, 6)
        store.save(transcript)
        path = file_of(store, transcript)
        whole = path.read_bytes()
        first = whole.index(b"\n") + 1
        path.write_bytes(whole[: first + int(data.draw(st.floats(0, 1)) * (len(whole) - first))])
        cut = store.open(transcript.id)
        kept = list(cut.turns())
        assert [turn.id for turn in kept] == [turn.id for turn in transcript.turns()][: len(kept)]
        new = cut.add_turn("After the cut")
        store.save(cut)
        assert store.open(transcript.id).turn(new.id).prompt == "After the cut"


def test_a_full_transcript_is_said_and_stays_whole(
    store: TranscriptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = saved(store)
    before = file_of(store, transcript).read_bytes()
    monkeypatch.setattr(transcript_store, "MAX_BYTES", transcript_store.MAX_LINE_BYTES + len(before) + 10)
    transcript.add_turn("One more?")
    with pytest.raises(YsnakesError, match="full"):
        store.save(transcript)
    assert file_of(store, transcript).read_bytes() == before
    monkeypatch.undo()
    store.save(transcript)
    assert [turn.prompt for turn in store.open(transcript.id).turns()] == ["What is it?", "One more?"]


def test_a_disk_that_refuses_loses_nothing_that_is_in_memory(store: TranscriptStore) -> None:
    transcript = store.create()
    transcript.add_turn("What is it?")
    store.folder.write_text("in the way")
    with pytest.raises(YsnakesError):
        store.save(transcript)
    store.folder.unlink()
    store.save(transcript)
    assert not store.open(transcript.id).is_empty


# --- several apps ---


def test_what_two_apps_add_is_all_there(store: TranscriptStore) -> None:
    mine = saved(store)
    theirs = TranscriptStore(store.folder).open(mine.id)
    answered(mine, mine.add_turn("Mine"), "yes")
    answered(theirs, theirs.add_turn("Theirs"), "no")
    store.save(mine)
    TranscriptStore(store.folder).save(theirs)
    both = store.open(mine.id)
    assert [turn.prompt for turn in both.turns()] == ["What is it?", "Mine", "Theirs"]
    assert [turn.prompt for turn, _ in both.path()] == ["What is it?", "Theirs"]
    assert len(both.siblings(both.path()[-1][0].id)) == 2


def test_many_processes_write_at_once(store: TranscriptStore) -> None:
    transcript = saved(store)
    code = (
        "import sys; from pathlib import Path\n"
        "from ysnakes_core.completion.transcript_store import TranscriptStore\n"
        "store = TranscriptStore(Path(sys.argv[1]))\n"
        "transcript = store.open(sys.argv[2])\n"
        "for i in range(40):\n"
        "    transcript.add_turn(f'{sys.argv[3]} {i} ' + 'x' * 3000)\n"
        "    store.save(transcript)\n"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(store.folder), transcript.id, name])
        for name in ("one", "two", "three")
    ]
    assert [other.wait(120) for other in others] == [0, 0, 0]
    assert len(list(store.open(transcript.id).turns())) == 1 + 3 * 40


def test_a_transcript_that_another_app_deleted_is_written_whole_again(store: TranscriptStore) -> None:
    transcript = saved(store)
    TranscriptStore(store.folder).delete(transcript.id)
    transcript.add_turn("Still here?")
    store.save(transcript)
    assert content(store.open(transcript.id)) == content(transcript)


def test_tokens_that_are_in_it_whole_and_come_once_more_are_there_once(store: TranscriptStore) -> None:
    transcript = saved(store)
    answer = transcript.add_answer(transcript.path()[0][0].id, run="r", checkpoint="c", step=1)
    for word in ("One", " two", " three"):
        transcript.write(answer.id, [Token(word, 1, 0.5), Token(",", 2, 0.5)])
    late = transcript.unsaved()
    TranscriptStore(store.folder).delete(transcript.id)
    store.save(transcript)  # as it stands now, of whose changes a thread saves the last once more
    with file_of(store, transcript).open("a") as file:
        file.writelines(json.dumps(change) + "\n" for change in late[-2:])
    assert store.open(transcript.id).answer(answer.id).tokens == answer.tokens


def test_saving_while_it_is_written_to_loses_nothing(store: TranscriptStore) -> None:
    transcript = saved(store)
    answer = transcript.add_answer(transcript.path()[0][0].id, run="r", checkpoint="c", step=1)
    done = threading.Event()

    def save() -> None:
        while not done.is_set():
            store.save(transcript)

    saving = threading.Thread(target=save)
    saving.start()
    for i in range(300):
        transcript.write(answer.id, [Token(f"{i} ", i, 0.5)])
    done.set()
    saving.join()
    store.save(transcript)
    assert store.open(transcript.id).answer(answer.id).tokens == answer.tokens


# --- finding ---


def test_the_last_changed_comes_first(store: TranscriptStore) -> None:
    first, second = saved(store, "First"), saved(store, "Second")
    assert [listed.title for listed in store.list()] == ["Second", "First"]
    first.add_turn("Again")
    store.save(first)
    listed = store.list()
    assert [one.id for one in listed] == [first.id, second.id]
    assert (listed[0].turns, listed[0].runs) == (2, ("quiet-cobra",))


def test_a_query_is_found_in_prompts_and_answers_with_its_place(store: TranscriptStore) -> None:
    transcript = saved(store, "What is it?", "A green\nsnake that sleeps in the sun.")
    saved(store, "And that?", "A fox.")
    turn, answer = transcript.path()[0]
    assert answer is not None
    (listed,) = store.list("GREEN  snake")
    assert listed.found is not None
    assert (listed.found.turn, listed.found.answer) == (turn.id, answer.id)
    assert (listed.found.before, listed.found.match) == ("A ", "green snake")
    assert (listed.found.after, listed.found.at) == (" that sleeps in the sun.", 2)
    (listed,) = store.list("what is")
    assert listed.found is not None
    assert (listed.found.turn, listed.found.answer) == (turn.id, None)
    assert store.list("badger") == []
    assert store.list("a.*snake") == []


def test_an_answer_that_is_still_being_written_is_found(store: TranscriptStore) -> None:
    transcript = store.create()
    answer = transcript.add_answer(transcript.add_turn("x").id, run="r", checkpoint="c", step=1)
    transcript.write(answer.id, [Token("bad", 1, 0.5)])
    store.save(transcript)
    transcript.write(answer.id, [Token("ger", 2, 0.5)])
    store.save(transcript)
    assert [listed.id for listed in store.list("badger")] == [transcript.id]


def test_a_title_is_found_too_and_can_be_changed(store: TranscriptStore) -> None:
    transcript = saved(store)
    store.rename(transcript.id, "Of turtles")
    (listed,) = store.list("turtle")
    assert (listed.title, listed.found) == ("Of turtles", None)


# --- deleting ---


def test_a_deletion_can_be_undone(store: TranscriptStore) -> None:
    first, second = saved(store, "First"), saved(store, "Second")
    store.delete(first.id)
    store.delete(second.id)
    assert store.list() == []
    with pytest.raises(UsageError):
        store.open(first.id)
    assert store.undo() == second.id
    assert store.undo() == first.id
    assert content(store.open(first.id)) == content(first)
    with pytest.raises(UsageError):
        store.undo()


def test_what_was_deleted_is_gone_after_a_day(tmp_path: Path) -> None:
    now = [1e9]
    store = TranscriptStore(tmp_path, now=lambda: now[0])
    first, second = saved(store), saved(store)
    store.delete(first.id)
    now[0] += KEPT_SECONDS + 1
    store.delete(second.id)
    assert [entry.name for entry in (tmp_path / ".deleted").iterdir()] == [f"{second.id}.jsonl"]
    assert store.undo() == second.id
    with pytest.raises(UsageError):
        store.undo()


def test_undoing_does_not_overwrite_what_was_written_since(store: TranscriptStore) -> None:
    transcript = saved(store)
    store.delete(transcript.id)
    transcript.add_turn("Still here?")
    store.save(transcript)
    assert store.undo() == transcript.id
    assert content(store.open(transcript.id)) == content(transcript)


# --- files of strangers ---


@pytest.mark.parametrize("wrong", ["../x", "", "a/b", "A", "x" * 41, "..", "con.x", "\0"])
def test_an_id_is_never_a_path(store: TranscriptStore, wrong: str) -> None:
    saved(store)
    for use in (store.open, store.delete):
        with pytest.raises(UsageError):
            use(wrong)


def header(**more: object) -> str:
    return json.dumps({"type": "transcript", "format": 1, "time": 1.0} | more) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "not json\n",
        "[" * 100_000 + "\n",
        '{"type":"turn"}\n',
        header(format=2),
        header(format="x" * 1000),
        header(format=None),
        "\xff\xfe",
    ],
)
def test_what_is_no_transcript_is_said_to_be_none(store: TranscriptStore, text: str) -> None:
    mine = saved(store)
    (store.folder / "theirs.jsonl").write_bytes(text.encode("latin-1"))
    with pytest.raises(YsnakesError):
        store.open("theirs")
    assert [listed.id for listed in store.list("snake")] == [mine.id]


def test_lines_that_are_none_of_ours_are_passed_over(store: TranscriptStore) -> None:
    mine = saved(store)
    with file_of(store, mine).open("ab") as file:
        file.write(b"\xff\xfe{\n[1]\nnull\n" + b"[" * 200_000 + b"\n" + b'{"type":"later","time":1}\n')
        file.write(b'{"type":"turn","time":1,"id":"t1","parent":"nobody","prompt":"x","reading":"auto"}\n')
        file.write(b'{"type":"tokens","time":1e400,"answer":"' + b"9" * 5000 + b'"}\n')
        file.write(b'{"type":"title","time":' + b"9" * 5000 + b',"title":"x"}\n')
        file.write(b'{"type":"title","time":' + b"9" * 400 + b',"title":"x"}\n')
    assert content(store.open(mine.id)) == content(mine)
    assert len(store.list("snake")) == 1


def test_a_turn_cannot_follow_itself(store: TranscriptStore) -> None:
    path = store.folder / "theirs.jsonl"
    store.folder.mkdir()
    answer = (
        '{"type":"answer","time":1,"id":"a1","turn":"t1","run":"r","checkpoint":"c","step":1,'
        '"bits_per_byte":null,"options":{}}\n'
    )
    turn = '{"type":"turn","time":1,"id":"t1","parent":"a1","prompt":"x","reading":"auto"}\n'
    path.write_text(header() + answer + turn + answer + turn)
    assert store.open("theirs").is_empty


def test_a_huge_file_is_refused_unread(store: TranscriptStore) -> None:
    mine = saved(store)
    with (store.folder / "theirs.jsonl").open("wb") as file:
        file.write(header().encode())
        file.truncate(MAX_BYTES * 100)
    with pytest.raises(YsnakesError, match="larger"):
        store.open("theirs")
    assert [listed.id for listed in store.list()] == [mine.id]


@pytest.mark.skipif(os.name == "nt", reason="pipes and links of POSIX")
def test_pipes_and_links_are_left_alone(store: TranscriptStore, tmp_path: Path) -> None:
    mine = saved(store)
    os.mkfifo(store.folder / "pipe.jsonl")
    (tmp_path / "precious").write_text("precious\n")
    (store.folder / "link.jsonl").symlink_to(tmp_path / "precious")
    for name in ("pipe", "link"):
        with pytest.raises(YsnakesError):
            store.open(name)
        stray = Transcript(name)
        stray.add_turn("x")
        with pytest.raises(YsnakesError):
            store.save(stray)
    assert (tmp_path / "precious").read_text() == "precious\n"
    assert [listed.id for listed in store.list()] == [mine.id]


def test_it_is_light() -> None:
    code = (
        "import sys, ysnakes_core.completion.transcript_store, ysnakes_core.runs.talking\n"
        "heavy = {'torch', 'numpy', 'tokenizers', 'textual', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
