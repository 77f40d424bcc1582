"""``graphforget s3t repair``: train anew what deletions switched off, and purge what they named."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.screen import listing, show
from graphforget.commands.services import add_service, plain, router_of
from graphforget.exact.receipt import Repair

NOT_ALL = 3
"""Exit code where a shard could not be repaired."""


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t repair",
        "Take what acknowledged requests name off the disk, train dead and damaged stages anew "
        "without it, destroy the dead ones and write certificates. The result is, bit for bit, a "
        f"service that was trained without the data. The exit code is {NOT_ALL} if a shard could "
        "not be repaired; its requests wait for the next time.",
    )
    add_service(options)
    options.add_argument(
        "--set_aside", action="store_true",
        help="also look into requests over which hosts crashed",
    )
    return options


def run(options: Namespace) -> int:
    """One round of repair."""
    with router_of(options) as router, steps_shown("repair"):
        repair = router.repair(options.set_aside)
    show(plain(repair.to_json()), text(repair), options.json)
    return NOT_ALL if repair.failed else 0


def text(repair: Repair) -> str:
    """The round in a few lines."""
    facts = {
        "shards": ", ".join(map(str, repair.shards)) or "none had to be trained",
        "requests through": len(repair.purged),
        "seconds": repair.seconds,
    }
    facts |= {f"shard {shard} failed": why for shard, why in repair.failed.items()}
    return "repaired\n" + listing(facts)
