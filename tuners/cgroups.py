"""What a control group of Linux allows this process, as containers and batch systems set it: processor time, memory.

References:
    https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max, memory.max) and, of the first version,
    https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cpu_quota() -> float | None:
    """Cores whose time this process may use at most, 0.5 for half of one; None where there is no limit."""
    quotas = []
    for place in _groups("cpu"):
        # The second version has both numbers in one file; "max" and -1 are no limit.
        limit, period = [*_words(place / "cpu.max"), "", ""][:2]
        if not limit:
            limit, period = (_first(place / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if limit.isdecimal() and period.isdecimal() and int(limit) and int(period):
            quotas.append(int(limit) / int(period))
    return min(quotas, default=None)


def memory_left() -> int | None:
    """Bytes that may still be taken, those of cached files among them; None where there is no limit."""
    left = []
    for place in _groups("memory"):
        limit = _first(place / "memory.max") or _first(place / "memory.limit_in_bytes")
        used = _first(place / "memory.current") or _first(place / "memory.usage_in_bytes")
        if limit.isdecimal() and used.isdecimal():
            words = _words(place / "memory.stat")
            stat = dict(zip(words[::2], words[1::2], strict=False))
            cached = stat.get("total_inactive_file", stat.get("inactive_file", "0"))
            left.append(max(0, int(limit) - int(used) + int(cached)))
    return min(left, default=None)


def _groups(controller: str) -> Iterator[Path]:
    """The groups of this process, each followed by those around it: the strictest limit holds."""
    for line in _lines(MEMBERSHIP):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        mounts = [MOUNT / controllers, MOUNT / controller] if controllers else [MOUNT, MOUNT / "unified"]
        for mount in mounts:
            # In a container its own group is the mount itself, whatever the path outside is.
            place = mount / path.lstrip("/")
            yield from (each for each in (place, *place.parents) if each.is_relative_to(mount))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _first(path: Path) -> str:
    return next(iter(_words(path)), "")
