"""``graphforget s3t status``: how requests, hosts and shards of a service stand."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.screen import columns, listing, show
from graphforget.commands.services import add_service, check_address, plain, router_of
from graphforget.exact.standing import standing


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t status",
        "Print how many requests are in each state, and for every shard how deep it is served. "
        "With --pool local this is read from the folder, also while a service uses it; with "
        "--pool ray it is what the router on the cluster says.",
    )
    add_service(options)
    return options


def run(options: Namespace) -> int:
    """Ask and print."""
    check_address(options)
    if options.pool == "local":
        status = standing(options.folder)
    else:
        with router_of(options) as router:
            status = router.status()
    show(plain(status), text(status), options.json)
    return 0


def text(status: dict[str, Any]) -> str:
    """The status as tables for people."""
    rows = [["host", "shard", "depth", "live stages", ""]]
    for number, host in enumerate(status["hosts"]):
        if "lost" in host:
            rows.append([str(number), "", "", "", host["lost"]])
            continue
        for shard, one in sorted(host["shards"].items()):
            remark = one["broken"] or ("dark" if not one["depth"] else "")
            live = f"{one['alive']} of {one['stages']}"
            rows.append([str(number), str(shard), str(one["depth"]), live, remark])
    facts = {state.lower(): count for state, count in status["requests"].items() if count}
    if status["set_aside"]:
        facts["set aside"] = ", ".join(status["set_aside"])
    for name in ("last_crash", "repair_error"):
        if status.get(name):
            facts[name.replace("_", " ")] = status[name]
    return f"{columns(rows)}\nrequests\n{listing(facts) or '  none'}"
