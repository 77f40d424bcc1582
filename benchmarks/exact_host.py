"""What one shard host costs in a process of its own: ``python -m benchmarks.exact_host FOLDER``.

Nothing but the host is imported, so that its memory is its own.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

started = time.perf_counter()

import torch  # noqa: E402 (its import is part of what is measured)

from graphforget.exact.host import ShardHost  # noqa: E402


def main() -> None:
    """Open the first host of a folder, let it answer twice, and print what that took."""
    torch.set_num_threads(1)
    imported, libraries = time.perf_counter(), memory()
    host = ShardHost(sys.argv[1], 0)
    host.deactivate([], 0)
    opened = time.perf_counter()
    host.respond()
    answered = time.perf_counter()
    host.respond()
    print(json.dumps({
        "import_seconds": imported - started,
        "open_seconds": opened - imported,
        "first_answer_seconds": answered - opened,
        "next_answer_seconds": time.perf_counter() - answered,
        "libraries": libraries,
        "host": memory(),
    }))


def memory() -> dict[str, float]:
    """MB of this process: all of it (``rss``), what no other process shares (``uss``), the peak."""
    said = {}
    for name in ("smaps_rollup", "status"):
        for line in Path(f"/proc/self/{name}").read_text().splitlines():
            key, _, value = line.partition(":")
            if value.strip().endswith(" kB"):
                said[f"{name}.{key}"] = float(value.split()[0]) / 1024
    private = ("smaps_rollup.Private_Clean", "smaps_rollup.Private_Dirty")
    return {
        "rss": said["status.VmRSS"], "uss": sum(said[name] for name in private),
        "peak": said["status.VmHWM"],
    }


if __name__ == "__main__":
    main()
