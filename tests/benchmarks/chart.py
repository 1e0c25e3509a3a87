"""How long a chart takes to draw.

    python tests/benchmarks/chart.py            a table
    python tests/benchmarks/chart.py --json     one JSON object

Drawn is all of it: new values taken in, decimated, the cells rastered, and every line made for Textual, in a
real app without a terminal. The bar is for 3 series of 10,000 points.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
from textual.app import App, ComposeResult

from ysnakes_tui.widgets.chart_raster import GLYPHS
from ysnakes_tui.widgets.line_chart import LineChart, Mark

BAR_MS = 12.0
REPEATS = 40


class ChartApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LineChart("loss")


def draw(chart: LineChart, data: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Give the chart all values as if they were new, and have it draw them."""
    for (name, (x, y)), style in zip(data.items(), ("raw", "smoothed", "validation"), strict=True):
        chart.set_series(name, x, y, style=style)
    for row in range(chart.size.height):
        chart.render_line(row)


def milliseconds(chart: LineChart, points: int) -> dict[str, float]:
    random = np.random.default_rng(0)
    x = np.arange(1, points + 1.0)
    loss = 1.8 + 6.5 / (1 + x / points * 100)
    data = {
        "loss": (x, loss + random.normal(0, 0.1, points)),
        "smoothed": (x, loss),
        "validation": (x, loss + 0.1 + random.normal(0, 0.01, points)),
    }
    data["loss"][1][points // 2] = np.nan
    chart.set_marks([Mark("checkpoint", step) for step in x[:: max(points // 50, 1)]])
    whole, crosshair = [], []
    for repeat in range(REPEATS):
        start = time.perf_counter()
        draw(chart, data)
        whole.append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        chart.crosshair = float(x[(repeat + 1) * points // (REPEATS + 1)])
        chart.render_line(0)
        crosshair.append(1000 * (time.perf_counter() - start))
    chart.crosshair = None
    return {
        "best": min(whole),
        "median": statistics.median(whole),
        "worst": max(whole),
        "crosshair median": statistics.median(crosshair),
    }


async def measure(
    sizes: Sequence[tuple[int, int]] = ((80, 24), (120, 40), (240, 67)),
    counts: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000),
) -> list[dict[str, object]]:
    """A row for each size in cells, way to draw and number of points."""
    rows: list[dict[str, object]] = []
    for size in sizes:
        app = ChartApp()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            chart = app.query_one(LineChart)
            for glyphs in GLYPHS if size == (120, 40) else GLYPHS[:1]:
                chart.glyphs = glyphs
                for points in counts:
                    rows.append(
                        {
                            "cells": f"{size[0]} × {size[1]}",
                            "glyphs": glyphs,
                            "points": points,
                            **milliseconds(chart, points),
                        }
                    )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    rows = asyncio.run(measure())
    slowest = max(float(str(row["median"])) for row in rows if row["points"] == 10_000)
    if args.json:
        print(json.dumps({"rows": rows, "slowest_of_10000": slowest, "bar": BAR_MS, "met": slowest < BAR_MS}))
    else:
        heads = ("best", "median", "worst", "crosshair")
        print(f"{'cells':>10} {'glyphs':>8} {'3 × points':>11} {' '.join(f'{head:>10}' for head in heads)}")
        for row in rows:
            print(
                f"{row['cells']:>10} {row['glyphs']:>8} {row['points']:>11,} {row['best']:>7.2f} ms "
                f"{row['median']:>7.2f} ms {row['worst']:>7.2f} ms {row['crosshair median']:>7.2f} ms"
            )
        print(f"3 × 10,000 points: {slowest:.2f} ms at most, wanted under {BAR_MS:.0f} ms")
    return 0 if slowest < BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
