"""``ysnakes doctor``: what works here, and the command that mends what does not."""

from __future__ import annotations

import sys
from dataclasses import asdict

import typer

from ysnakes_tui.failures import DONE, FAILED, guarded
from ysnakes_tui.formats import width_of
from ysnakes_tui.options import AsJson, RunsDir
from ysnakes_tui.output import put, put_json, shown


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


@guarded
def doctor(runs_dir: RunsDir = None, json: AsJson = False) -> int | None:
    """Check Python, torch, the device, memory, disk, Ollama and the terminal.

    Ends with 1 if something that training needs is broken.
    """
    from ysnakes_core.paths import runs_dir as place
    from ysnakes_tui.examination import examine

    broken = False
    for finding in examine(place(runs_dir)):
        broken = broken or (finding.essential and not finding.works)
        if json:
            put_json(asdict(finding))
            continue
        sign = "✓" if finding.works else "✗"
        name = finding.name + " " * max(0, 10 - width_of(finding.name))
        put(f"{sign} {name} {shown(finding.what, 300)}")
        if finding.mend:
            put(f"             {shown(finding.mend, 300)}")
    sys.stdout.flush()
    return FAILED if broken else DONE
