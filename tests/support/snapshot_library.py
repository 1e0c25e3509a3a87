"""A library with records of all sorts, the same on every machine and day."""

from __future__ import annotations

from pathlib import Path

from snapshot_runs import NOW
from written_library import NOTE, a_record, write

from ysnakes_core.synthesis.job_state import Goal, JobSettings
from ysnakes_core.synthesis.library import open_library

BLOG = """# A week in the mountains

We left early, when the **fog** still lay in the valley. The path is steep, but whoever walks slowly arrives.

- bread and cheese
- a map, in case the phone is empty
- more water than you think

At the hut there was soup, and in the evening nobody looked at a screen.
"""
STORY = (
    "A small snake lived under a warm stone. Each morning it looked at the sky and asked the sun for a story."
    " One day the sun was late, so the snake told one itself, and the stone listened."
)
ODD = "[red]x[/] \x1b[2J\x1b]0;owned\x07\u202eevil\u202c " + "日本語" * 9 + " [/b][@click=app.quit]q[/]"


def written_library(home: Path) -> None:
    """Twelve records of two teachers, with all decisions; one is flagged, one hostile."""
    flagged = f"{STORY} {NOTE}"
    start = flagged.index(NOTE)
    check = {
        "rule": "note",
        "start": start,
        "end": len(flagged),
        "action": "strip",
        "why": "Added note: it is",
    }
    ask, tell = "What is rain?", "Rain is water that falls from clouds."
    more = {"teacher": "builtin", "kind": "facts"}
    records = [
        a_record(1, request=ask, answer=tell, decision="accepted", **more),
        a_record(2, request="What is snow?", answer="Snow is rain that froze.", decision="edited", **more),
        a_record(3, request="What is a cloud?", answer="A cloud is very small drops.", **more),
        a_record(4, request="Why is the sky blue?", answer="I am only a model.", decision="rejected", **more),
        a_record(5, request=ODD, answer=f"{ODD}\nand a second line", kind="wiki"),
        a_record(6, request="A walk in the mountains", answer=BLOG, kind="blog", decision="accepted"),
        *(a_record(number, answer=STORY.replace("snake", f"snake {number}")) for number in range(7, 10)),
        a_record(10, request="A garden in the city", answer=BLOG.replace("hut", "garden"), kind="blog"),
        a_record(11, request="Tell me of a snake that told stories.", answer=STORY, decision="accepted"),
        a_record(12, request="Tell me of a snake and the sun.", answer=flagged, checks=[check]),
    ]
    assert len(write(home, records)) == len(records)


def written_jobs(home: Path) -> None:
    """Two jobs: one that is finished, and one that was interrupted."""
    kinds = ("stories", "blog", "wiki", "howto")
    with open_library(home / "data", now=lambda: NOW - 90) as library:
        done = library.jobs.create(JobSettings((Goal("facts", 2),), "builtin", seed=3))
        begun = library.jobs.create(
            JobSettings(tuple(Goal(kind, 25) for kind in kinds), "ollama", "llama3.1", concurrency=4, seed=7)
        )
        library.add([a_record(number, teacher="builtin", kind="facts", job=done.id) for number in (1, 2)])
        library.add([a_record(number, kind=kinds[number % 3], job=begun.id) for number in range(3, 20)])
        library.jobs.set_status(done.id, "finished")
        library.jobs.set_status(begun.id, "interrupted", "it was interrupted")
