"""What a run takes of the machine, in words and numbers: processor, memory, GPU."""

from __future__ import annotations

from dataclasses import dataclass

from ysnakes_core.runs.following import RunFollower
from ysnakes_tui.formats import size

DASH = "–"


@dataclass(frozen=True)
class Part:
    """The part of something that is used or done, for a meter."""

    value: float | None
    limit: float | None
    text: str


def memory_of(follower: RunFollower) -> dict[str, int]:
    """Bytes by name, as the worker told them last; {} if it did not."""
    return dict(follower.memory.bytes) if follower.memory is not None else {}


def memory_use(follower: RunFollower) -> Part:
    """What the worker takes of the memory that it could have; what it took last, where there is none."""
    memory = memory_of(follower)
    if "rss" not in memory:
        return Part(None, None, DASH)
    used = memory["rss"]
    if not follower.has_worker:
        return Part(None, None, f"was {size(used)}")
    if "available" not in memory:
        return Part(None, None, size(used))
    return Part(used, used + memory["available"], f"{size(used)}, {size(memory['available'])} free")


def gpu_memory_use(follower: RunFollower) -> Part | None:
    """What everyone takes of the worker's GPU; None where it has none."""
    memory = memory_of(follower)
    used = memory.get("cuda_used", memory.get("cuda_reserved"))
    if used is None:
        return None
    if not follower.has_worker:
        return Part(None, None, f"was {size(used)}")
    total = memory.get("cuda_total")
    if total is None:
        return Part(None, None, size(used))
    return Part(used, total, f"{size(used)}, {size(max(0, total - used))} free")


def load(follower: RunFollower) -> list[tuple[str, str]]:
    """How busy the machine is; nothing where no worker has the run."""
    state = follower.state
    if not follower.has_worker:
        return []
    cpu, cores, system = state.cpu_percent, state.cpu_count, state.system_percent
    of = f" of {cores}" if cores else ""
    return [
        ("cpu", DASH if cpu is None else f"{cpu / 100:.1f}{of} {'core' if cores == 1 else 'cores'}"),
        ("machine", DASH if system is None else f"{system:.0f} % busy"),
    ]


def gpu_facts(follower: RunFollower) -> list[tuple[str, str]]:
    """What the meter does not say of the GPU, if there is one: how busy, and what the worker holds of it."""
    memory = {name: size(amount) for name, amount in memory_of(follower).items()}
    peak, rows = memory.get("cuda_peak"), []
    if not follower.has_worker:
        return [("gpu peak", peak)] if peak else []
    if gpu_memory_use(follower) is not None:
        busy = follower.state.gpu_percent
        rows.append(("gpu", DASH if busy is None else f"{busy:.0f} % busy"))
    if "cuda_reserved" in memory:
        rows.append(("reserved", memory["cuda_reserved"]))
        used = memory.get("cuda_allocated", DASH)
        rows.append(("in use", f"{used}, peak {peak}" if peak else used))
    return rows


def memory_peak(follower: RunFollower) -> str:
    """The most memory that the worker ever took."""
    memory = memory_of(follower)
    return size(memory["peak"]) if "peak" in memory else DASH
