"""How much memory there is and how much is in use: the process, its container, the GPU."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
STATUS = Path("/proc/self/status")


def available_memory(device: str = "cpu") -> int:
    """Bytes of the device's memory this process may come to hold: what is free and what it holds already.

    On a CPU, the limit of a container (cgroup version 1 or 2) counts where it is the tighter one.
    """
    if _is_cuda(device):
        free, _ = torch.cuda.mem_get_info(torch.device(device))
        return int(free) + int(torch.cuda.memory_reserved(torch.device(device)))
    return _free_memory() + psutil.Process().memory_info().rss


def process_memory(device: str = "cpu") -> dict[str, int]:
    """Bytes by name: ``rss`` and ``peak`` of this process, ``available`` and ``total`` of all.

    In a container the last two are its own. On a CUDA device also ``cuda_allocated``, ``cuda_reserved`` and
    ``cuda_peak`` of this process (torch), ``cuda_used`` and ``cuda_total`` of the whole GPU (NVML; torch
    where that is missing).
    """
    rss = psutil.Process().memory_info().rss
    total = psutil.virtual_memory().total
    for limit, _ in cgroup_limits():
        total = min(total, limit)
    found = {"rss": rss, "peak": max(rss, _peak()), "available": _free_memory(), "total": total}
    if _is_cuda(device):
        gpu = torch.device(device)
        found |= {
            "cuda_allocated": torch.cuda.memory_allocated(gpu),
            "cuda_reserved": torch.cuda.memory_reserved(gpu),
            "cuda_peak": torch.cuda.max_memory_allocated(gpu),
        }
        found |= gpu_memory(gpu) or _gpu_memory_by_torch(gpu)
    return found


def gpu_memory(device: torch.device) -> dict[str, int]:
    """``cuda_used`` and ``cuda_total`` bytes of the whole GPU through NVML; {} where NVML does not answer."""
    memory = _ask_nvml(device, lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu))
    return {} if memory is None else {"cuda_used": int(memory.used), "cuda_total": int(memory.total)}


def gpu_percent(device: torch.device) -> float | None:
    """The part of the last moments in which the GPU worked, through NVML; None where there is no answer."""
    if device.type != "cuda":
        return None
    rates = _ask_nvml(device, lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu))
    return None if rates is None else float(rates.gpu)


def _ask_nvml(device: torch.device, ask: Callable[[Any, Any], Any]) -> Any:
    """``ask(pynvml, handle of the device)``; None where NVML does not answer."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no driver, no library, no permission: each has its own type, all mean the same
        return None
    try:
        return ask(pynvml, _nvml_handle(pynvml, device))
    except Exception:
        return None
    finally:
        with contextlib.suppress(Exception):
            pynvml.nvmlShutdown()


def _nvml_handle(pynvml: Any, device: torch.device) -> Any:
    """NVML numbers all GPUs, torch only those in CUDA_VISIBLE_DEVICES: the UUID is the same in both."""
    index = device.index if device.index is not None else torch.cuda.current_device()
    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    if uuid is not None:
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def _gpu_memory_by_torch(device: torch.device) -> dict[str, int]:
    free, total = torch.cuda.mem_get_info(device)
    return {"cuda_used": int(total) - int(free), "cuda_total": int(total)}


def _is_cuda(device: str) -> bool:
    return torch.device(device).type == "cuda"


def _free_memory() -> int:
    """Bytes that can be had without swapping, on the machine and in the container."""
    free = psutil.virtual_memory().available
    for limit, used in cgroup_limits():
        free = min(free, max(0, limit - used))
    return free


def _peak() -> int:
    """Most bytes this process ever held; 0 where the system does not say."""
    try:
        # Not getrusage: on Linux that starts from what the parent process held when it forked.
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def cgroup_limits(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> list[tuple[int, int]]:
    """(limit, in use) in bytes for each control group around this process that limits its memory.

    File pages that the kernel would drop first don't count as in use. [] where there are no such groups.
    """
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):
        return []
    found: list[tuple[int, int]] = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found += _version_2(root, path)
            found += _version_2(root / "unified", path)
        elif "memory" in controllers.split(","):
            found += _version_1(root / "memory", path)
    return found


def _version_2(mount: Path, path: str) -> Iterator[tuple[int, int]]:
    for group in _groups(mount, path):
        limits = [_number(group / "memory.max"), _number(group / "memory.high")]
        given = [limit for limit in limits if limit is not None]
        used = _number(group / "memory.current")
        if given and used is not None:
            idle = _statistics(group / "memory.stat").get("inactive_file", 0)
            yield min(given), max(0, used - idle)


def _version_1(mount: Path, path: str) -> Iterator[tuple[int, int]]:
    unlimited = 2**60  # what the kernel shows for no limit: the largest multiple of a page
    for group in _groups(mount, path):
        limit, used = _number(group / "memory.limit_in_bytes"), _number(group / "memory.usage_in_bytes")
        if limit is not None and limit < unlimited and used is not None:
            idle = _statistics(group / "memory.stat").get("total_inactive_file", 0)
            yield limit, max(0, used - idle)


def _groups(mount: Path, path: str) -> Iterator[Path]:
    """The group's folder and those around it; inside a container the mount itself may be the group."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        folder = mount.joinpath(*parts[:count])
        if folder.is_dir():
            yield folder


def _number(file: Path) -> int | None:
    """The number in a control file; None if it is not there or says ``max``."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _statistics(file: Path) -> Mapping[str, int]:
    try:
        pairs = (line.split() for line in file.read_text().splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    except (OSError, ValueError):
        return {}
