"""Atomic writes under kills and full disks, bounded reads, locks, safe names, and text shown literally."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core import files
from ysnakes_core.errors import RunError, UsageError, YsnakesError
from ysnakes_core.files import (
    append_line,
    printable,
    read_limited,
    remove_leftovers,
    safe_name,
    try_lock,
    write_atomically,
)


def test_a_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_atomically(target, "öld")
    assert target.read_bytes() == "öld".encode()
    write_atomically(target, b"new\r\n\x00")
    assert target.read_bytes() == b"new\r\n\x00"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    precious, target = tmp_path / "precious", tmp_path / "target"
    precious.write_text("keep")
    target.symlink_to(precious)
    write_atomically(target, "new")
    assert precious.read_text() == "keep"
    assert not target.is_symlink()


def test_content_is_on_disk_before_the_rename_and_the_rename_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace
    kind = {True: "sync folder", False: "sync file"}

    def spy_fsync(descriptor: int) -> None:
        calls.append(kind[Path(f"/proc/self/fd/{descriptor}").resolve().is_dir()])
        fsync(descriptor)

    def spy_replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    write_atomically(tmp_path / "a", "x")
    assert calls == ["sync file", "rename", "sync folder"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    write_atomically(target, "old")
    write = os.write

    def fills_up(descriptor: int, content: bytes) -> int:
        if len(content) <= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[: len(content) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fills_up)
        with pytest.raises(YsnakesError, match="the disk is full; free some space"):
            write_atomically(target, "a new and longer text")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_the_system_really_refuses_leaves_the_old_file(tmp_path: Path) -> None:
    script = """
        import resource, sys
        from pathlib import Path
        from ysnakes_core.errors import YsnakesError
        from ysnakes_core.files import write_atomically
        target = Path(sys.argv[1])
        write_atomically(target, "old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_atomically(target, "x" * 5000)
        except YsnakesError as error:
            print(error.what)
    """
    target = tmp_path / "a.txt"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(target)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "could not write" in done.stdout
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(YsnakesError, match="could not write"):
        write_atomically(tmp_path / "missing" / "a", "x")


# Forks writers that replace one file over and over, kills each at a random moment, and reads in between.
KILLED_WRITERS = """
    import os, random, signal, sys, time
    from pathlib import Path
    from ysnakes_core.files import write_atomically
    target, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    write_atomically(target, "0 0\\n")
    changes, before = 0, target.read_text()
    for _ in range(60):
        child = os.fork()
        if child == 0:
            while True:
                size = random.randrange(1, 300_000)
                write_atomically(target, f"{size} " + "x" * size + "\\n")
        for _ in range(3):
            time.sleep(rng.uniform(0.0, 0.008))
            text = target.read_text()
            size, _, body = text.partition(" ")
            assert size == "0" or len(body) == int(size) + 1, f"torn: {text[:20]!r} {len(body)}"
            changes += text != before
            before = text
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(changes)
"""


def test_a_reader_never_sees_half_a_file_however_writers_are_killed(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    script = textwrap.dedent(KILLED_WRITERS)
    done = subprocess.run(
        [sys.executable, "-c", script, str(target), "7"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10, "the writers hardly wrote, so nothing was tried"
    remove_leftovers(tmp_path, older_than=target.stat().st_mtime + 1000)
    assert list(tmp_path.iterdir()) == [target]


def test_only_old_temporary_files_are_removed(tmp_path: Path) -> None:
    old, young = tmp_path / ".state.json.12-0123abcd.tmp", tmp_path / ".state.json.13-0123abcd.tmp"
    other = tmp_path / ".something.tmp"
    for path, age in ((old, 1000), (young, 3000), (other, 1000)):
        path.write_text("")
        os.utime(path, (age, age))
    remove_leftovers(tmp_path, older_than=2000)
    assert sorted(tmp_path.iterdir()) == sorted([young, other])


def test_appending_closes_off_a_torn_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    append_line(log, "one")
    with log.open("ab") as file:
        file.write(b'{"tor')
    append_line(log, "two", durable=True)
    append_line(log, "three")
    assert log.read_text() == 'one\n{"tor\ntwo\nthree\n'


def test_appending_never_goes_through_a_link_or_into_a_pipe(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    (tmp_path / "link").symlink_to(precious)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(RunError, match="a plain file is expected"):
            append_line(tmp_path / name, "text")
    assert precious.read_text() == "keep"


def test_bounded_reading(tmp_path: Path) -> None:
    small, pipe = tmp_path / "small", tmp_path / "pipe"
    small.write_bytes(b"12345")
    os.mkfifo(pipe)
    assert read_limited(small, 5) == b"12345"
    with pytest.raises(RunError, match="larger than the 4 bytes"):
        read_limited(small, 4)
    with pytest.raises(RunError, match="a plain file is expected"):  # and does not wait for a writer
        read_limited(pipe, 5)
    with pytest.raises(RunError, match="larger"):
        read_limited(Path("/proc/self/maps"), 3)  # its size is given as 0


def test_a_lock_excludes_another_holder_until_it_is_released_or_dies(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    script = (
        "import sys; from pathlib import Path; from ysnakes_core.files import try_lock\n"
        "lock = try_lock(Path(sys.argv[1])); print(lock is not None, flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    assert try_lock(place) is None
    holder.kill()
    holder.communicate()
    lock = try_lock(place)
    assert lock is not None
    assert try_lock(place) is None
    lock.release()


@pytest.mark.parametrize(
    "name", ["a", "quiet-cobra-2", "ys.v2", "Schlange", "蛇", "a b", "x" * 100, "connie"]
)
def test_good_names_are_given_back(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "  ",
            ".",
            "..",
            "../a",
            "a/b",
            "a\\b",
            "/etc",
            "C:",
            "c:a",
            ".hidden",
            "-rf",
            " a",
            "a ",
            "a.",
        ),
        *("a\nb", "a\x00", "a\x1b[2J", "a\u202eb", "a\u200bb", "\ud800", "x" * 101, "ä" * 51),
        *("CONIN$", "COM¹"),
        *("con", "NUL.txt", "com1", "LPT9.tar.gz", "con .x", "a?", "a*", 'a"', "a|b", "a<b"),
    ],
)
def test_names_that_are_not_one_plain_component_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        safe_name(name)
    assert printable(str(caught.value)) == str(caught.value), "the message itself must be safe to show"


@given(st.text(max_size=120))
def test_a_safe_name_always_stays_in_its_folder(name: str) -> None:
    try:
        safe_name(name)
    except UsageError:
        return
    assert Path("/base", name).parent == Path("/base")
    assert Path(os.path.normpath(f"/base/{name}")) == Path("/base", name)
    assert len(name.encode()) <= files.MAX_NAME_BYTES


def test_control_characters_are_shown() -> None:
    assert printable("a\x1b[31mb\x07\x7f\x9b\r") == "a␛[31mb␇␡‹U+009B›␍"
    assert printable("x\u202ey\u2066\ufeff\u200b\u2028") == "x‹U+202E›y‹U+2066›‹U+FEFF›‹U+200B›‹U+2028›"
    assert printable("\ud800") == "‹U+D800›"
    assert printable("a\nb\tc") == "a␊b␉c"
    assert printable("a\nb\tc\r", keep_lines=True) == "a\nb\tc␍"
    assert printable("Grüße, 蛇 👩‍👩‍👧 \u05d0") == "Grüße, 蛇 👩‍👩‍👧 \u05d0"


def test_a_limit_counts_what_is_shown() -> None:
    assert printable("abcdef", 6) == "abcdef"
    assert printable("abcdefg", 6) == "abcde…"
    assert len(printable("\u202e" * 10, 12)) == 12
    assert printable("abc", 1) == "…"
    assert printable("abc", 0) == ""


@given(st.text(alphabet=st.characters(), max_size=200), st.integers(0, 50))
def test_nothing_that_steers_a_terminal_gets_through(text: str, limit: int) -> None:
    for shown in (
        printable(text),
        printable(text, limit),
        printable(text, keep_lines=True).translate({9: 32, 10: 32}),
    ):
        shown.encode()
        unsafe = [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
        assert not unsafe
        assert not any(
            unicodedata.bidirectional(c) in ("LRO", "RLO", "LRE", "RLE", "LRI", "RLI", "FSI") for c in shown
        )
    assert len(printable(text, limit)) <= limit
    assert printable(printable(text)) == printable(text)
