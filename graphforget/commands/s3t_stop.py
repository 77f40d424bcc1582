"""``graphforget s3t stop``: end a service's router and hosts on a cluster; nothing is lost."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.screen import show
from graphforget.commands.services import add_service
from graphforget.core.errors import UserError
from graphforget.exact.actors import connected
from graphforget.exact.stopping import stop


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t stop",
        "End the router and the hosts of a service on a running Ray cluster: the one at --address, "
        "or else the one that Ray finds. What they know is in the folder, and the next command "
        "starts them again. Where nothing of the service runs, nothing is started.",
    )
    add_service(options)
    return options


def run(options: Namespace) -> int:
    """Stop what runs, and say what that was."""
    if options.pool != "ray":
        raise UserError("stop: in this process nothing goes on after a command; add --pool ray")
    stopped = stop(connected(options.address or "auto"), options.folder)
    folder = options.folder
    text = f"stopped {', '.join(stopped)} of {folder}" if stopped else f"nothing of {folder} ran"
    show({"folder": str(folder), "stopped": stopped}, text, options.json)
    return 0
