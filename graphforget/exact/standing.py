"""How a service stands, read from its folder alone, while another process may serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.case import State
from graphforget.exact.host_log import unchained
from graphforget.exact.journal_check import read_cases
from graphforget.exact.layout import open_system
from graphforget.exact.set_aside import SetAside
from graphforget.exact.shard_state import ShardState, replayed


def standing(folder: str | Path, known: tuple[type, ...] = ()) -> dict[str, Any]:
    """Requests by state, and every shard as its host's log has it.

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
    for host, group in enumerate(system.groups):
        log = system.layout.host_log(host)
        try:
            lines, _ = unchained(log.read_bytes() if log.exists() else b"", str(log))
            states, _ = replayed(lines, group)
        except UserError as error:
            states = {shard: ShardState(broken=str(error)) for shard in group}
        hosts.append({"shards": {shard: one.told(system.plan) for shard, one in states.items()}})
    return {
        "requests": {str(state): sum(one.state is state for one in cases) for state in State},
        "set_aside": sorted(SetAside(system.layout.set_aside).names()),
        "hosts": hosts,
    }
