"""``graphforget s3t verify``: whether a service's folder keeps what its journal promises."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.screen import note, show
from graphforget.commands.services import add_service, check_address
from graphforget.exact.key import key_at
from graphforget.exact.router import key_beside
from graphforget.exact.verify import verify

FOUND = 3
"""Exit code where something is not as it should be."""


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t verify",
        "Check the journal's chain and seals, the hosts' logs, every stage file against its "
        "digest, and that nothing of purged requests is left; everything is only read. The exit "
        f"code is {FOUND} if something is found.",
    )
    add_service(options)
    return options


def run(options: Namespace) -> int:
    """Look and print."""
    check_address(options)
    path = key_beside(options.folder) if options.key is None else options.key
    key = key_at(path) if options.key is not None or path.exists() else None
    found = verify(options.folder, key)
    if key is None:
        note(f"{path}: there is no key, so seals and purged ids are not checked")
    text = "\n".join(map(str, found)) or "everything is as it should be"
    result = [{"where": one.where, "words": one.words} for one in found]
    show({"findings": result, "key": key is not None}, text, options.json)
    return FOUND if found else 0
