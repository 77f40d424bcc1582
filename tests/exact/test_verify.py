"""What is wrong in a service's folder is found, named, and nothing else is complained of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from graphforget.core.errors import UserError
from graphforget.exact.certificate import Certificate
from graphforget.exact.graph_source import slice_path
from graphforget.exact.hosts import LocalHosts
from graphforget.exact.journal import Journal
from graphforget.exact.layout import Layout, open_system
from graphforget.exact.router import Router
from graphforget.exact.service import Service
from graphforget.exact.verify import verify
from graphforget.request import ForgetRequest
from tests.exact.systems import KEY, PLAN, copied, graph, made, serving

NODE, OPEN = 3, 41


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A service that was trained and has forgotten nothing."""
    return made(tmp_path_factory.mktemp("fresh") / "svc", graph())


@pytest.fixture(scope="module")
def used(fresh) -> Path:
    """One that has purged a node, an edge and a node's features, and has a request open."""
    folder = copied(fresh, fresh.parent / "used")
    with serving(folder) as (service, repairer):
        system = open_system(folder)
        edges = system.source.whole().edge_index
        edge = next(
            pair for pair in edges.t().tolist()
            if len({PLAN.placement.place(node)[0] for node in pair}) == 1 and NODE not in pair
        )
        service.forget(ForgetRequest("node", (NODE,), "a-node"))
        service.forget(ForgetRequest("edge", (tuple(edge),), "an-edge"))
        service.forget(ForgetRequest("feature", (50,), "features"))
        repairer.once()
        service.forget(ForgetRequest("node", (OPEN,), "open"))
    return folder


@pytest.fixture
def folder(used, tmp_path) -> Path:
    return copied(used, tmp_path / "svc")


def words(folder: Path, key: bytes | None = KEY) -> str:
    found = verify(folder, key)
    assert found
    return "\n".join(map(str, found))


def a_stage(folder: Path, shard: int = 0) -> Path:
    files = open_system(folder).files
    return files.path(shard, files.addresses(shard)[0])


def test_a_sound_folder_has_no_findings(fresh, used):
    for folder in (fresh, used):
        assert verify(folder, KEY) == verify(folder) == []


def test_it_can_be_asked_while_the_service_runs(folder):
    with serving(folder):
        assert verify(folder, KEY) == []


def test_what_is_no_service_is_refused(tmp_path):
    with pytest.raises(UserError, match="manifest.json"):
        verify(tmp_path)


def test_a_changed_journal_shows_and_the_rest_is_looked_at_all_the_same(folder):
    journal = Layout(folder).journal
    journal.write_bytes(journal.read_bytes()[:5000])
    a_stage(folder).write_bytes(b"weights")
    said = words(folder)
    assert "journal.db" in said and "shard 0" in said
    journal.unlink()
    assert "there is none" in words(folder)


def without_journal(folder: Path) -> None:
    for path in folder.glob("journal.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("certificates", [True, False])
def test_a_journal_that_is_gone_is_not_begun_anew(folder, tmp_path, certificates):
    without_journal(folder)
    if not certificates:
        shutil.rmtree(folder / "certificates")
    witness = "certificates/" if certificates else "host-0000.log"
    for begin in (lambda: Service(folder, LocalHosts(folder), KEY),
                  lambda: Router(folder, LocalHosts(folder))):
        with pytest.raises(UserError, match=f"journal.db: is gone, and .*{witness}"):
            begin()
    assert not list(folder.glob("journal.db*")) and not (tmp_path / "svc.key").exists()


def test_a_journal_that_was_replaced_by_a_new_one_shows(folder):
    without_journal(folder)
    shutil.rmtree(folder / "certificates")
    assert "requests that the journal does not know: it was replaced" in words(folder)
    Journal(Layout(folder).journal, KEY).close()  # by somebody's hand: a service refuses
    assert "requests that the journal does not know: it was replaced" in words(folder)


def test_a_damaged_or_changed_stage_shows(folder):
    path = a_stage(folder)
    good = path.read_bytes()
    path.write_bytes(good[:100])
    assert path.name in words(folder)
    path.write_bytes(good)
    state = safetensors.torch.load(good)
    with safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata()
    name = next(iter(state))
    state[name] = state[name] + 1
    path.write_bytes(safetensors.torch.save(state, header))
    assert "changed after training" in words(folder)


def test_a_stage_that_saw_what_is_purged_shows(fresh, folder):
    shard = PLAN.placement.place(NODE)[0]
    old, new = open_system(fresh).files, open_system(folder).files
    waiting = PLAN.placement.place(OPEN)  # what its request hit may wait for its repair
    dead = next(
        address for address in set(old.addresses(shard)) - set(new.addresses(shard))
        if waiting[0] != shard
        or waiting[1] not in json.loads(old.header(shard, address)["path"])
    )
    shutil.copy(old.path(shard, dead), new.path(shard, dead))
    (found,) = verify(folder, KEY)
    assert dead in found.where and "trained on other rows" in found.words


def test_a_live_stage_without_its_file_shows(fresh, tmp_path):
    folder = copied(fresh, tmp_path / "svc")
    a_stage(folder).unlink()
    assert "is live and has no file" in words(folder)


def test_a_purged_node_that_is_back_in_a_slice_file_shows(fresh, folder):
    shard, slice_ = PLAN.placement.place(NODE)
    shutil.copy(
        slice_path(fresh / "source", shard, slice_), slice_path(folder / "source", shard, slice_)
    )
    said = words(folder)
    assert f"slice files of shard {shard}: holds the node {NODE}, which request 'a-node'" in said


def test_rows_that_are_answered_about_show_all_that_is_back(fresh, folder):
    name = "whole.safetensors"
    shutil.copy(fresh / "source" / name, folder / "source" / name)
    said = words(folder)
    for what in (f"the node {NODE},", "the feature 50,", "the edge ["):
        assert f"rows that are answered about: holds {what}" in said
    assert f"node {OPEN}" not in said
    assert "answered about" not in "".join(map(str, verify(folder)))  # nobody knows without the key


def test_damaged_slices_and_rows_show_once(folder):
    slice_path(folder / "source", 0, 0).write_bytes(b"rows")
    (folder / "source" / "whole.safetensors").write_bytes(b"rows")
    found = [str(one) for one in verify(folder, KEY)]
    assert sum("slice-0000" in one for one in found) == 2  # its stages, its rows
    assert sum("whole.safetensors" in one for one in found) == 1


def test_lists_of_ids_that_are_left_or_lost_show(folder):
    payloads = Layout(folder).journal.with_name("journal.db.open")
    (file,) = payloads.iterdir()
    shutil.copy(file, payloads / f"{'0' * 32}.json")
    assert "belongs to no open request" in words(folder)
    assert "2 lists of ids, and 1 requests are open" in words(folder, None)
    file.unlink()
    assert "request 'open': is open, and what it names is lost" in words(folder)


def test_changed_certificates_show(folder):
    path = Layout(folder).certificate("a-node")
    certificate = Certificate.read(path)
    assert certificate.request_id == "a-node"
    path.write_text(path.read_text().replace('"size": 1', '"size": 2'))
    said = words(folder)
    assert "was changed after it was issued" in said and "another request under this id" in said
    path.write_text("{}")
    assert "wanted a deletion certificate" in words(folder)


def test_changed_logs_and_half_written_files_show(folder):
    log = Layout(folder).host_log(1)
    log.write_bytes(log.read_bytes().replace(b"adopt", b"adapt", 1))
    (folder / "stages" / ".x.partial").write_bytes(b"half")
    said = words(folder)
    assert "host-0001.log" in said and "half written" in said
    log.unlink()
    assert "host-0001.log: cannot be read" in words(folder)


def test_another_key_shows(folder):
    assert "another key" in words(folder, KEY[::-1])


def test_nothing_is_changed_by_looking(folder):
    def state() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith(("-shm", "-wal"))
        }

    before = state()
    torch.manual_seed(0)
    verify(folder, KEY)
    assert state() == before
