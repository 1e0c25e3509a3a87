"""The transcript: what it shows, how it scrolls, what is selected in it, and that none of it is stolen."""

from __future__ import annotations

import pytest
from textual import events
from transcript_app import HOSTILE, NASTY, PILED, PROMPT, WIDE, Driven, answer, drive, numbered, tokens

from ysnakes_tui.complete.bodies import PlainBody
from ysnakes_tui.complete.transcript_view import Block

pytestmark = pytest.mark.usefixtures("home")


def test_blocks_are_shown_one_below_the_other() -> None:
    async def test(d: Driven) -> None:
        d.view.show([PROMPT, answer("Once", " upon"), Block("n", "note", "", "it was stopped")])
        await d.pilot.pause()
        shown = [line.removeprefix("▌").strip() for line in d.lines]
        assert shown[:8] == [
            *("You", "Tell me", "of snakes", ""),
            *("quiet-cobra", "Once upon", "", "it was stopped"),
        ]
        d.view.extend("a", tokens(" a time"))
        await d.sees("Once upon a time")

    drive(test)


@pytest.mark.parametrize("mode", ["plain", "probability", "markdown"])
@pytest.mark.parametrize("width", [2, 5, 79])
@pytest.mark.parametrize("ascii", [False, True])
def test_nothing_steers_the_terminal_and_everything_fits(mode: str, width: int, ascii: bool) -> None:
    async def test(d: Driven) -> None:
        d.view.styles.width = width
        d.view.show(
            [
                Block("p", "prompt", HOSTILE, HOSTILE + PILED + WIDE),
                Block("a", "answer", HOSTILE * 3, tokens=tokens(*NASTY), waiting=True),
                Block("n", "note", WIDE, "&#x202e;evil" + HOSTILE),
            ]
        )
        await d.pilot.pause()
        if mode == "probability":
            d.view.by_probability = True
        elif mode == "markdown":
            await rendered(d)
        seen = set()
        for key in ("home", "pagedown", "pagedown", "end", "pageup", "pageup"):
            await d.press(key)
            seen.update(d.lines)
        if width == 79 and not ascii:
            assert any("[red]x[/] ␛]52;c;aGFja2Vk␇" in line for line in seen)
            assert any("日本語" in line for line in seen)
        if ascii:
            assert all(line.isascii() for line in seen)

    drive(test, ascii=ascii)


async def rendered(d: Driven) -> None:
    """Turn Markdown on; the first time what it takes is loaded meanwhile."""
    d.view.markdown = True
    answers = [entry for entry in d.view._lines.entries if entry.content.kind == "answer"]
    await d.until(lambda: not any(isinstance(entry.body, PlainBody) for entry in answers))
    await d.pilot.pause()


# Scrolling.


def test_the_end_is_followed_by_those_who_are_at_it() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(100)), waiting=True)])
        await d.sees("line 99")
        assert d.view.is_at_end
        d.view.extend("a", numbered(50, 100))
        await d.sees("line 149")
        assert d.view.is_at_end

    drive(test)


@pytest.mark.parametrize("ascii", [False, True])
def test_scrolling_back_is_never_stolen_and_a_sign_says_that_there_is_more(ascii: bool) -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(100)), waiting=True)])
        await d.sees("line 99")
        await d.press("up", "up")
        before = d.lines
        assert "new" not in before[-1]
        d.view.extend("a", numbered(50, 100))
        await d.until(lambda: "50 new" in d.lines[-1])
        assert ("v" if ascii else "▼") in d.lines[-1]
        assert d.lines[:-1] == before[:-1]
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(150))), answer("later", key="b")])
        await d.pilot.pause()
        assert d.lines[:-1] == before[:-1]
        await d.press("end")
        assert "later" in d.text
        assert " new " not in d.text
        d.view.extend("b", numbered(40, 500))
        await d.sees("line 539")

    drive(test, ascii=ascii)


def test_the_wheel_scrolls_back_and_down_to_the_end_again() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(60)), waiting=True)])
        await d.pilot.pause()
        await d.pilot._post_mouse_events([events.MouseScrollUp], d.view, button=0)
        await d.until(lambda: not d.view.is_at_end)
        d.view.extend("a", numbered(5, 60))
        await d.until(lambda: "5 new" in d.lines[-1])
        for _ in range(10):
            await d.pilot._post_mouse_events([events.MouseScrollDown], d.view, button=0)
        await d.sees("line 64")
        d.view.extend("a", numbered(5, 65))
        await d.sees("line 69")

    drive(test)


def test_a_click_on_the_sign_goes_to_the_end() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(100)))])
        await d.press("home")
        d.view.extend("a", tokens("the very last"))
        await d.sees("1 new")
        await d.pilot.click(offset=d.place_of("1 new"))
        await d.sees("the very last")
        assert d.view.is_at_end

    drive(test)


def test_what_grows_above_moves_nothing_in_sight() -> None:
    async def test(d: Driven) -> None:
        d.view.show(
            [answer("start\n", waiting=True), Block("b", "answer", "two", tokens=tuple(numbered(60)))]
        )
        await d.press("home", "pagedown", "pagedown")
        before = d.lines
        d.view.extend("a", numbered(30, 1000))
        await d.until(lambda: "30 new" in d.lines[-1])
        assert d.lines[:-1] == before[:-1]

    drive(test)


def test_resizing_keeps_what_is_at_the_top() -> None:
    async def test(d: Driven) -> None:
        words = tokens(*(f" w{number}" for number in range(3000)))
        d.view.show([PROMPT, Block("a", "answer", "one", tokens=words), answer("last", key="b")])
        await d.press("home", *["pagedown"] * 4)
        first = d.lines[0].split()[1 if d.lines[0].startswith("▌") else 0]
        for width in (120, 62, 91, 70, 80):
            await d.pilot.resize_terminal(width, 24)
            await d.pilot.pause()
            assert first in d.lines[0].split()
        assert d.lines[0].removeprefix("▌").split()[0] == first
        await d.press("end")
        await d.pilot.resize_terminal(64, 30)
        await d.pilot.pause()
        assert d.view.is_at_end
        assert "last" in d.text

    drive(test)


def test_more_than_is_laid_out_at_once_is_there_in_the_end() -> None:
    async def test(d: Driven) -> None:
        long = tokens(*["日本語の蛇は\t"] * 20_000)
        d.view.show([Block(str(n), "answer", f"number {n}", tokens=long) for n in range(3)])
        await d.press("home")
        assert "number 0" in d.lines[0]
        await d.until(lambda: d.view._lines.is_done)
        await d.pilot.pause()
        assert "number 0" in d.lines[0]
        height = d.view._lines.height
        assert d.view.virtual_size.height == height
        await d.press("end")
        assert d.view.scroll_offset.y + d.view.size.height == height

    drive(test)


def test_what_stays_keeps_its_place_when_other_blocks_are_shown() -> None:
    async def test(d: Driven) -> None:
        old = [Block(str(n), "answer", f"title {n}", tokens=tuple(numbered(20, 100 * n))) for n in range(30)]
        d.view.show(old)
        d.view.select("10")
        await d.pilot.pause()
        before = d.lines
        assert "title 10" in before[0]
        d.view.show([Block("new", "note", "new", "said\n" * 9), *old[:3], *old[5:20], answer("x", key="y")])
        await d.pilot.pause()
        assert d.lines[:-1] == before[:-1]
        assert d.view.selected == "10"
        d.view.show(old[:10])
        await d.pilot.pause()
        assert d.view.selected == "9"
        d.view.show([])
        await d.pilot.pause()
        assert d.view.selected is None
        assert d.lines == [""] * len(d.lines)

    drive(test)


def test_what_is_written_is_drawn_ten_times_a_second_and_what_is_asked_for_at_once() -> None:
    async def test(d: Driven) -> None:
        now = 100.0
        d.view._clock = lambda: now
        d.view.show([answer("one", waiting=True)])
        d.view.extend("a", tokens(" two"))
        content = d.view._lines.entries[0].content
        assert content.text == "one two"  # the first at once
        for text in (" three", " four"):
            now += 0.01
            d.view.extend("a", tokens(text))
            assert content.text == "one two"
        assert [token.text for token in d.view.tokens_of("a")] == ["one", " two", " three", " four"]
        await d.sees("one two three four")  # nobody has to do anything for that
        now += 0.01
        d.view.extend("a", tokens(" five"))
        d.view.show([Block("a", "answer", "done", tokens=(*d.view.tokens_of("a"), *tokens(" six")))])
        await d.pilot.pause()
        assert "one two three four five six" in d.text

    drive(test)


def test_what_is_shown_where_nobody_sees_it_is_there_when_it_is_seen() -> None:
    async def test(d: Driven) -> None:
        d.view.display = False
        await d.pilot.pause()
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(100)), waiting=True)])
        d.view.extend("a", numbered(9, 100))
        for action in (d.view.action_last, d.view.action_first, d.view.action_last):
            action()
        d.view.select_next(-1)
        d.view.by_probability = True
        d.view.action_token(-1)
        d.view.by_probability = False
        d.view.action_last()
        await d.pilot.pause()
        d.view.display = True
        await d.sees("line 108")
        assert d.view.is_at_end

    drive(test)


# The chosen block.


def test_the_chosen_block_is_marked_told_and_comes_along() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block(str(n), "answer", f"title {n}", tokens=tuple(numbered(20))) for n in range(5)])
        await d.pilot.pause()
        assert d.view.selected == "4"
        d.view.select_next(-1)
        d.view.select_next(-1)
        await d.pilot.pause()
        assert d.view.selected == "2"
        assert d.lines[0] == "▌ title 2"
        assert d.host.blocks[-1] == "2"
        d.view.select_next(-9)
        assert d.view.selected == "0"
        await d.press(*["pagedown"] * 2)
        assert d.view.selected != "0"
        assert d.lines[0].startswith("▌")
        await d.pilot.click(offset=d.place_of("title 2"))
        await d.pilot.pause()
        assert d.host.blocks[-1] == "2"

    drive(test)


def test_what_is_written_below_chooses_only_for_those_at_the_end() -> None:
    async def test(d: Driven) -> None:
        blocks = [Block(str(n), "answer", f"title {n}", tokens=tuple(numbered(20))) for n in range(5)]
        d.view.show(blocks[:3])
        assert d.view.selected == "2"
        d.view.show(blocks[:4])
        assert d.view.selected == "3"
        await d.press("home")
        assert d.view.selected == "0"
        d.view.show(blocks)
        assert d.view.selected == "0"

    drive(test)


def test_a_title_and_the_sign_of_what_is_written() -> None:
    async def test(d: Driven) -> None:
        d.view.show([PROMPT, Block("a", "answer", "starting", waiting=True)])
        await d.sees("starting")
        assert d.lines[5].endswith("▌ ▌")
        d.view.extend("a", tokens("Once"))
        d.view.update_title("a", "12 tokens a second", True)
        await d.sees("12 tokens a second", "Once▌")
        d.view.extend("a", tokens(" more"))
        d.view.update_title("a", "done", False)
        await d.pilot.pause()  # at once: nothing will come any more
        assert "Once more" in d.text
        assert "Once more▌" not in d.text
        d.view.update_title("nobody", "x", True)
        d.view.extend("nobody", tokens("x"))
        d.view.show([PROMPT, Block("b", "answer", "empty")])
        await d.sees("(an empty answer)")

    drive(test)


# Markdown.


def test_markdown_is_rendered_and_hides_nothing() -> None:
    text = (
        "# Snakes <end>\n\nThey are **very** *slow* and `quiet`, [they say](http://evil.example/x).\n\n"
        "- one\n- two\n\n```python\nprint('<b>')\n```\n\n<script>x</script> &#x202e;live ![pic](a.png)\n"
        "<!-- hidden -->\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[ref]: http://evil.example/ref\n"
    )

    async def test(d: Driven) -> None:
        d.view.show([Block("p", "prompt", "You", "**as it is**"), answer(text)])
        await rendered(d)
        await d.press("home")
        shown = "\n".join(d.lines)
        for word in (
            *("**as it is**", "Snakes <end>", "very slow and quiet", "http://evil.example/x", "print('<b>')"),
            *("<script>x</script>", "‹U+202E›live", "<!-- hidden -->", "http://evil.example/ref", "• one"),
        ):
            assert word in shown
        assert "**very**" not in shown
        assert "```" not in shown
        assert all(
            style.link is None and "@click" not in style.meta for line in d.styles for _, style in line
        )
        d.view.by_probability = True
        await d.sees("**very**")
        d.view.by_probability = False
        d.view.markdown = False
        await d.sees("**very**")

    drive(test, size=(110, 40))


def test_markdown_that_is_written_is_rendered_as_it_grows() -> None:
    async def test(d: Driven) -> None:
        d.view.show([answer("# Begin", waiting=True)])
        await rendered(d)
        for number in range(30):
            d.view.extend("a", tokens(f"\n\nPart **{number}** of it, ", "which goes on and on. " * 5))
        d.view.extend("a", tokens("\n\n```\n", *(f"code {n}\n" for n in range(300)), "```\n\nthe **end**"))
        d.view.update_title("a", "done", False)
        await d.pilot.pause()
        assert "code 299" in d.text
        assert "the end" in d.text
        assert "```" not in d.text
        assert "*" not in d.text
        await d.press("home")
        assert "Part 1 of it" in d.text
        await d.press(*["pagedown"] * 3, *["pageup"] * 3)
        assert "Part 1 of it" in d.text
        await d.press(*["pagedown"] * 40)
        assert "the end" in d.text

    drive(test)


# Selecting with the mouse.


def test_text_is_selected_as_it_is_and_not_as_it_was_broken() -> None:
    async def test(d: Driven) -> None:
        words = " ".join(f"word{n}" for n in range(40))
        d.view.show([PROMPT, answer(f"start {words}\n\tafter\x1b a tab 日本語 stop\nnot this")])
        await d.pilot.pause()
        x, y = d.place_of("stop")
        got = await d.drag(d.place_of("start"), (x + 3, y))
        assert got == f"start {words}\n\tafter␛ a tab 日本語 stop"
        await d.press("ctrl+c")
        assert d.app.clipboard == got
        x, y = d.place_of("quiet-cobra")
        got = await d.drag(d.place_of("of snakes"), (x + 4, y))
        assert got == "of snakes\n\nquiet"

    drive(test, size=(100, 24))


def test_what_is_selected_stays_where_it_is_while_more_is_written() -> None:
    async def test(d: Driven) -> None:
        d.view.show([Block("a", "answer", "one", tokens=tuple(numbered(60)), waiting=True)])
        await d.sees("line 59")
        x, y = d.place_of("line 57")
        assert await d.drag(d.place_of("line 55"), (x + 6, y)) == "line 55\nline 56\nline 57"
        before = d.lines
        d.view.extend("a", numbered(40, 60))
        await d.until(lambda: d.view._lines.height > 90)
        await d.pilot.pause()
        assert d.lines[:-1] == before[:-1]
        assert d.app.screen.get_selected_text() == "line 55\nline 56\nline 57"
        await d.pilot.resize_terminal(70, 24)
        await d.pilot.pause()
        assert d.app.screen.get_selected_text() == "line 55\nline 56\nline 57"
        await d.pilot.click(d.view, offset=(30, 3))
        await d.sees("line 99")

    drive(test)


def test_rendered_markdown_can_be_selected() -> None:
    async def test(d: Driven) -> None:
        d.view.show([answer("# Head\n\nSome **bold** words\n\n- one\n- two")])
        await rendered(d)
        x, y = d.place_of("two")
        assert await d.drag(d.place_of("bold"), (x + 2, y)) == "bold words\n\n • one\n • two"

    drive(test)
