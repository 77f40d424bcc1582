"""Command line of the experiments: ``python -m experiments list | run NAME``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from graphforget.core.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command; returns the exit code, 2 for the user's mistake."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except UserError as error:
        print(f"experiments: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        print(f"experiments: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("experiments: stopped; the same command goes on from here", file=sys.stderr)
        return 130


def _list(options: argparse.Namespace) -> int:
    from experiments.benchmark import benchmarks

    for name, benchmark in sorted(benchmarks().items()):
        counts = ", ".join(f"{size}: {sum(1 for _ in benchmark.runs(size))} runs"
                           for size in benchmark.sizes)
        print(f"{name}: {benchmark.about} ({counts})")
    return 0


def _run(options: argparse.Namespace) -> int:
    from experiments.benchmark import find
    from experiments.run import dry_run, run_all, unfinished
    from graphforget.core.pool import LocalPool, Pool, RayPool

    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit: wanted a number of runs from 1, got {options.limit}")
    benchmark = find(options.name)
    suffix = "" if options.size == "full" else f"-{options.size}"
    out = options.out or Path("results") / f"{benchmark.name}{suffix}.jsonl"
    everything = list(benchmark.runs(options.size))
    todo = unfinished(everything, out, options.retry)[: options.limit]
    print(f"{benchmark.name}: {len(everything)} runs, {len(todo)} to do, records in {out}")
    if todo and not options.no_dry_run:
        print(f"all can be built: {dry_run(todo, options.root)} different problems")
    if options.dry_run or not todo:
        return 0
    pool: Pool = LocalPool() if options.pool == "local" else RayPool(options.address)
    with pool:
        ended = run_all(todo, pool, out, options.root)
    print(", ".join(f"{count} {status}" for status, count in sorted(ended.items())))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("list", help="the benchmarks and their sizes")
    one.set_defaults(command=_list)
    one = commands.add_parser("run", help="run what has no record yet, one record a run")
    one.set_defaults(command=_run)
    one.add_argument("name", help="benchmark, as `list` names it")
    one.add_argument("--pool", choices=("local", "ray"), default="local")
    one.add_argument("--address", help="of a running Ray cluster; else a local Ray is started")
    one.add_argument("--size", default="smoke", help="smoke (default) or full")
    one.add_argument("--root", help="folder of the data sets; else $GRAPHFORGET_DATA")
    one.add_argument("--out", type=Path, help="file of records; else results/NAME[-SIZE].jsonl")
    one.add_argument("--limit", type=int, help="at most this many runs")
    one.add_argument("--retry", action="store_true", help="run again what failed")
    one.add_argument("--dry-run", action="store_true", help="check that all can be built, no more")
    one.add_argument("--no-dry-run", action="store_true", help="start without that check")
    return parser


if __name__ == "__main__":
    sys.exit(main())
