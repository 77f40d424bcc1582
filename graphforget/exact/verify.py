"""Whether a service's folder keeps what its journal promises; everything is only read.

Run it while nothing is being repaired: files that are being replaced would be found half done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.case import Case, State, cases_of
from graphforget.exact.certificate import Certificate
from graphforget.exact.chain import Entry, Finding
from graphforget.exact.host_log import unchained
from graphforget.exact.journal_check import journal_findings
from graphforget.exact.layout import System, open_system
from graphforget.exact.ledger import read_entries
from graphforget.exact.payloads import Payloads, payload_name, payloads_of
from graphforget.exact.shard_state import replayed
from graphforget.exact.traces import traces_left
from graphforget.exact.train_shard import stage_addresses


def verify(
    folder: str | Path, key: bytes | None = None, known: tuple[type, ...] = ()
) -> list[Finding]:
    """What in a service's folder is not as it should be.

    Looked at are the journal and its end, the files of open requests, certificates, hosts' logs,
    every stage file against its digest, whether a stage is left that saw what is purged, and
    whether slice files or the rows that are answered about hold a purged id.

    Args:
        folder: of a service.
        key: of its journal. Without it neither seals nor purged ids can be checked.
        known: classes that the manifest may name although they are not ours.

    Raises:
        UserError: if it is not the folder of a service.
    """
    system = open_system(folder, known)
    found, entries = _journal(system, key)
    cases = None if found else cases_of(entries, str(system.layout.journal))
    found += [*_logs(system, cases), *_stages(system, cases)]
    if cases is not None:
        found += [*_payloads(system, cases, key), *_certificates(system, entries, key)]
        if key is not None:
            found += _rows(system, cases, key)
    return [*found, *_half_written(system)]


def _journal(system: System, key: bytes | None) -> tuple[list[Finding], list[Entry]]:
    """Findings, and the entries of a journal that has none; a new service has no journal."""
    path = system.layout.journal
    head = path.with_name(path.name + ".head")
    if not path.exists() and not head.exists():
        return [], []
    found = journal_findings(path, key)
    return found, [] if found else read_entries(path)


def _logs(system: System, cases: Mapping[str, Case] | None) -> Iterator[Finding]:
    """Hosts' logs that were changed or know more than the journal; live stages without a file."""
    for host, shards in enumerate(system.groups):
        path = system.layout.host_log(host)
        try:
            lines, _ = unchained(path.read_bytes(), str(path))
            states, told = replayed(lines, shards)
        except OSError as error:
            yield Finding(str(path), f"cannot be read ({error.strerror})")
            continue
        except UserError as error:
            yield Finding(str(path), str(error).removeprefix(f"{path}, "))
            continue
        if lost := sorted(told.keys() - cases.keys()) if cases is not None else ():
            words = f"tells of {len(lost)} requests that the journal does not know: it was replaced"
            yield Finding(str(path), f"{words}; the first is {lost[0]!r}")
        for shard, state in states.items():
            for stage, address in state.alive(system.plan).items():
                if not system.files.has(shard, address):
                    yield Finding(f"shard {shard}, stage {list(stage)}", "is live and has no file")


def _stages(system: System, cases: Mapping[str, Case] | None) -> Iterator[Finding]:
    """Stage files that are damaged, or were trained on rows that are not there any more.

    Without knowing what is open, only damage is told: what is dead may wait for its repair.
    """
    for shard in range(system.plan.shards):
        hits = [
            set(hit) for case in (cases or {}).values() if case.state is not State.PURGED
            for hit in case.hits.get(shard, ())
        ]
        found: dict[str, list[tuple[str, set[int]]]] = {}
        for address in system.files.addresses(shard):
            try:
                system.files.load(shard, address)
                header = system.files.header(shard, address)
                path = set(json.loads(header["path"]))
                found.setdefault(header["environment"], []).append((address, path))
            except (UserError, ValueError, KeyError, TypeError) as error:
                yield Finding(str(system.files.path(shard, address)), str(error))
        for environment, stages in found.items() if cases is not None else ():
            try:
                rightful = _rightful(system, shard, environment)
            except (UserError, ValueError) as error:
                yield Finding(f"shard {shard}", str(error))
                continue
            for address, path in stages:
                if address not in rightful and not any(hit <= path for hit in hits):
                    yield Finding(
                        str(system.files.path(shard, address)),
                        f"is a stage of shard {shard} on slices {sorted(path)} that was trained on "
                        "other rows than are there: on some that were forgotten, or that changed",
                    )


def _rightful(system: System, shard: int, environment: str) -> set[str]:
    """Addresses of the stages of a shard, trained on the rows that are there."""
    files = replace(system.files, environment=json.loads(environment))
    plan, recipe, seed = system.plan, system.recipe, system.manifest.seed
    return set(stage_addresses(plan, recipe, system.source, files, shard, seed).values())


def _payloads(
    system: System, cases: Mapping[str, Case], key: bytes | None
) -> Iterator[Finding]:
    """Lists of ids that are left of purged requests, or missing from open ones."""
    payloads = Payloads(payloads_of(system.layout.journal))
    there = payloads.names()
    waiting = [name for name, case in cases.items() if case.state is not State.PURGED]
    if key is None:
        if len(there) != len(waiting):
            words = f"holds {len(there)} lists of ids, and {len(waiting)} requests are open"
            yield Finding(str(payloads.folder), words)
        return
    wanted = {payload_name(key, name): name for name in waiting}
    for file in sorted(there - wanted.keys()):
        yield Finding(str(payloads.folder / f"{file}.json"), "belongs to no open request")
    for file, name in sorted(wanted.items()):
        try:
            payloads.read(file)
        except UserError as error:
            yield Finding(f"request {name!r}", f"is open, and what it names is lost: {error}")


def _certificates(
    system: System, entries: list[Entry], key: bytes | None
) -> Iterator[Finding]:
    """Certificates that were changed, or that the journal does not bear out."""
    for path in sorted(system.layout.certificates.glob("*.json")):
        try:
            certificate = Certificate.read(path)
        except UserError as error:
            yield Finding(str(path), str(error).removeprefix(f"{path}: "))
            continue
        if key is not None and not certificate.is_sealed(key):
            yield Finding(str(path), "was changed after it was issued")
        for finding in certificate.held_against(entries):
            yield Finding(str(path), finding.words)


def _rows(system: System, cases: Mapping[str, Case], key: bytes) -> Iterator[Finding]:
    """Purged ids in slice files and in the rows that are answered about."""
    places: dict[str, Callable[[], Any]] = {
        f"slice files of shard {shard}": partial(
            system.source.rows, shard, range(system.plan.slices)
        )
        for shard in range(system.plan.shards)
    }
    places["rows that are answered about"] = system.source.whole
    for where, read in places.items():
        try:
            yield from traces_left(read(), where, cases.values(), key)
        except UserError as error:
            yield Finding(where, str(error))


def _half_written(system: System) -> Iterator[Finding]:
    for folder in (system.layout.source, system.layout.stages):
        for file in sorted(folder.rglob(".*.partial")):
            yield Finding(str(file), "was left half written, and may hold rows or weights")
