"""The compiled step is built where it can be, is never one of another source, and is missed nowhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from decoding_ways import compiled_library

from ysnakes_core.model.native import building
from ysnakes_core.model.native import library as library_module
from ysnakes_core.model.native.library import SWITCH, level_here, library, load, why_not
from ysnakes_tui.examination import completion


@pytest.fixture(autouse=True)
def looked_up_anew() -> Iterator[None]:
    library.cache_clear()
    yield
    library.cache_clear()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the C files, without anything built."""
    copy = tmp_path / "native"
    copy.mkdir()
    for path in [*building.HERE.glob("*.c"), *building.HERE.glob("*.h")]:
        shutil.copy(path, copy)
    for module in (building, library_module):
        monkeypatch.setattr(module, "HERE", copy)
    return copy


ANOTHER = "import sys; open(sys.argv[sys.argv.index('-o') + 1], 'w').write('built')"


def test_what_was_built_is_found_and_only_until_the_source_changes(source, monkeypatch):
    if building.compiler() is None or level_here() is None:
        pytest.skip("there is no C compiler, or it is of no use on this processor")
    built = building.build(source)
    assert sorted(built) == sorted(path for path in source.iterdir() if path.suffix not in (".c", ".h"))
    found = library()
    assert found is not None
    assert found.level == level_here()
    assert building.build(source) == built
    (source / "vectors.h").open("a").write("\n/* changed */\n")
    library.cache_clear()
    assert library() is None
    assert why_not()[0] == "it was not built"
    monkeypatch.setattr(building, "compiler", lambda: [sys.executable, "-c", ANOTHER])
    again = building.build(source)
    assert [path.name for path in again] == [building.file_name(level) for level in building.levels()]
    assert not set(again) & set(built)
    assert not any(path.exists() for path in built)


def test_without_a_compiler_nothing_is_built_and_nothing_fails(source, monkeypatch):
    monkeypatch.setenv("PATH", str(source))
    monkeypatch.delenv("CC", raising=False)
    assert building.build(source) == []
    assert library() is None
    finding = completion()
    if level_here() is not None:
        assert not finding.works
        assert "half the speed" in finding.what
        assert "install a C compiler" in finding.mend
    assert not finding.essential


def test_a_folder_that_cannot_be_written_is_no_mishap(source, capsys):
    if building.compiler() is None or not building.levels():
        pytest.skip("nothing would be written")
    assert building.build(source / "missing") == []
    assert "is not built" in capsys.readouterr().err


def test_what_is_there_stays_where_the_compiler_went(source, monkeypatch):
    for level in building.levels():
        (source / building.file_name(level)).write_text("built")
    monkeypatch.setattr(building, "compiler", lambda: None)
    assert len(building.build(source)) == len(building.levels())


def test_a_compiler_that_fails_is_no_compiler(source, monkeypatch, capsys):
    monkeypatch.setattr(
        building, "compiler", lambda: [sys.executable, "-c", "import sys; sys.exit('broken')"]
    )
    assert building.build(source) == []
    if building.levels():
        assert "broken" in capsys.readouterr().err
    assert not [path for path in source.iterdir() if path.suffix not in (".c", ".h")]


def test_what_is_broken_is_not_used(source):
    level = level_here()
    if level is None:
        pytest.skip("there is nothing for this processor")
    (source / building.file_name(level)).write_bytes(b"not a library")
    assert library() is None
    assert why_not()[0] == "it cannot be loaded"
    with pytest.raises(OSError, match=r"."):
        load(level)


def test_it_can_be_switched_off(monkeypatch):
    compiled_library()
    library.cache_clear()
    monkeypatch.setenv(SWITCH, "0")
    assert library() is None
    if level_here() is not None:
        assert SWITCH in why_not()[0]


def test_the_doctor_says_which_is_there():
    found = compiled_library()
    assert completion().works
    assert found.level in completion().what
