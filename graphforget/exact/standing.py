"""How a service stands, read from its folder alone, while another process may serve it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.case import State
from graphforget.exact.host_log import unchained
from graphforget.exact.journal_check import read_cases
from graphforget.exact.layout import System, open_system
from graphforget.exact.set_aside import SetAside
from graphforget.exact.shard_state import ShardState, replayed


def standing(folder: str | Path, known: tuple[type, ...] = ()) -> dict[str, Any]:
    """Requests by state, and every shard as its host's log has it.

    A shard is told to be broken if a file of the stages that it is served from cannot be read.

    Args:
        folder: of the service; nothing in it is changed.
        known: classes that its manifest may name although they are not ours.

    Raises:
        UserError: if it is not the folder of a service, or its journal is damaged.
    """
    system = open_system(folder, known)
    path = system.layout.journal
    cases = read_cases(path).values() if path.exists() else ()
    hosts = []
    for host in range(len(system.groups)):
        states = _states(system, host)
        hosts.append({"shards": {shard: one.told(system.plan) for shard, one in states.items()}})
    return {
        "requests": {str(state): sum(one.state is state for one in cases) for state in State},
        "set_aside": sorted(SetAside(system.layout.set_aside).names()),
        "hosts": hosts,
    }


def _states(system: System, host: int) -> dict[int, ShardState]:
    """The shards of a host, by its log and by whether the files that serve them can be read."""
    log = system.layout.host_log(host)
    while True:
        text = log.read_bytes() if log.exists() else b""
        try:
            states, _ = replayed(unchained(text, str(log))[0], system.groups[host])
        except UserError as error:
            return {shard: ShardState(broken=str(error)) for shard in system.groups[host]}
        states = {shard: _readable(system, shard, state) for shard, state in states.items()}
        if not log.exists() or log.read_bytes() == text:  # else a file may have gone for a reason
            return states


def _readable(system: System, shard: int, state: ShardState) -> ShardState:
    try:
        for path in state.served(system.plan, system.manifest.several):
            for stage in system.plan.lineage(path):
                system.files.load(shard, state.stages[stage])
    except UserError as error:
        return replace(state, broken=str(error))
    return state
