"""``graphforget s3t stop``: end a service's router and hosts on a cluster; nothing is lost."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.screen import show
from graphforget.commands.services import add_service, router_of
from graphforget.core.errors import UserError
from graphforget.exact.actors import RemoteRouter


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t stop",
        "End the router and the hosts of a service on a Ray cluster. What they know is in the "
        "folder, and the next command starts them again.",
    )
    add_service(options)
    return options


def run(options: Namespace) -> int:
    """Stop and say so."""
    router = router_of(options) if options.pool == "ray" else None
    if not isinstance(router, RemoteRouter):
        raise UserError("stop: in this process nothing goes on after a command; add --pool ray")
    router.stop()
    show({"stopped": str(options.folder)}, f"stopped {options.folder}", options.json)
    return 0
