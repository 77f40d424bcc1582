"""Whether a service may begin its journal: only where nothing tells of one that was there before.

A journal that is begun anew over what another has promised would promise it no longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.exact.layout import Layout
from graphforget.exact.ledger import head_of
from graphforget.exact.payloads import Payloads, payloads_of

DELETION = b'"delete":'
"""In a host's log wherever it was told of a request, also in a line that is damaged elsewhere."""


def is_new(layout: Layout) -> bool:
    """Whether no journal has been begun in the folder of a service.

    Raises:
        UserError: if there is none, and something else in the folder tells of requests.
    """
    journal = layout.journal
    if journal.exists() or head_of(journal).exists():  # these the ledger looks into
        return False
    witness = next(witnesses(layout), None)
    if witness is not None:
        raise UserError(
            f"{journal}: is gone, and {witness} tells of requests that it knew; restore it from a "
            "backup, nothing is served or taken without it"
        )
    return True


def witnesses(layout: Layout) -> Iterator[Path]:
    """What in the folder of a service tells of requests beside the journal."""
    payloads = Payloads(payloads_of(layout.journal))
    if payloads.names():
        yield payloads.folder
    yield from sorted(layout.certificates.glob("*.json"))
    for log in sorted(layout.host_log(0).parent.glob("*.log")):
        if DELETION in log.read_bytes():
            yield log
