"""A journal read and checked from outside, also while a service writes to it."""

from __future__ import annotations

from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.exact.case import Case, cases_of
from graphforget.exact.chain import Finding, broken_links
from graphforget.exact.ledger import cut_end, read_entries


def read_cases(path: str | Path) -> dict[str, Case]:
    """The requests of a journal by id; neither hashes nor seals are checked.

    Raises:
        UserError: if it is missing or damaged.
    """
    return cases_of(read_entries(Path(path)), str(path))


def journal_findings(path: str | Path, key: bytes | None = None) -> list[Finding]:
    """What is wrong with a journal, from its first entry to how far it should go.

    Args:
        path: the SQLite file.
        key: without it the hashes are checked and the seals are not: somebody who can write the
            files can then have written all of them anew.
    """
    path = Path(path)
    try:
        entries = read_entries(path)
        found = broken_links(entries, str(path), key) + cut_end(path, entries, key)
        if not found:
            cases_of(entries, str(path))
    except UserError as error:
        return [Finding(str(path), str(error).removeprefix(f"{path}: "))]
    return found
