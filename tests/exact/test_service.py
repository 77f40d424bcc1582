"""What is acknowledged holds: no answer rests on it, now, after a restart and after repair."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.exact.case import State
from graphforget.exact.certificate import Certificate
from graphforget.exact.deletion import mean_answer
from graphforget.exact.graph_source import slice_path
from graphforget.exact.hosts import HostLost, LocalHosts
from graphforget.exact.layout import open_system
from graphforget.exact.service import Service
from graphforget.exact.verify import verify
from graphforget.request import ForgetRequest
from tests.exact.systems import (
    KEY,
    PLAN,
    copied,
    equal_weights,
    graph,
    made,
    serving,
    wanted,
    weights,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A trained service; tests copy it."""
    return made(tmp_path_factory.mktemp("service") / "svc", graph())


@pytest.fixture
def folder(original, tmp_path):
    return copied(original, tmp_path / "svc")


def node(*ids: int, name: str | None = None) -> ForgetRequest:
    return ForgetRequest("node", ids, name)


def dead_after(service: Service) -> None:
    """No host answers with a stage that an acknowledged request hits."""
    hit = {}
    for case in service.journal.cases():
        if case.state is not State.PURGED and case.state is not State.REPAIRED:
            for shard, hits in case.hits.items():
                hit.setdefault(shard, set()).update(hits)
    for answers in service.delivery.ask(None):
        for shard, paths in answers.served.items():
            assert set(paths) <= set(PLAN.alive(hit.get(shard, ())))


def test_answers_are_probabilities_and_the_mean_over_shards(folder):
    with serving(folder) as (service, _):
        answer = service.predict()
        assert answer.shape == (60, 3)
        np.testing.assert_allclose(answer.sum(1), 1, rtol=1e-5)
        assert len(service.delivery.ask(None)) == 2
        np.testing.assert_array_equal(service.predict(np.array([5, 2])), answer[[5, 2]])


def test_no_answer_after_the_acknowledgement_rests_on_what_was_named(folder):
    with serving(folder) as (service, _):
        for number in (3, 17, 44, 21):
            receipt = service.forget(node(number))
            assert receipt.acknowledged and not receipt.known and receipt.died
            dead_after(service)
            rows = service.hosts._hosts[0]._responder._rows
            assert not rows.x[number].any() and not (rows.edge_index == number).any()


def test_edges_and_features_go_by_the_same_rule(folder):
    with serving(folder) as (service, _):
        pair = tuple(graph().edge_index[:, 0].tolist())
        for request in (ForgetRequest("edge", [pair]), ForgetRequest("feature", [9])):
            assert service.forget(request).acknowledged
            dead_after(service)


def test_sent_again_a_request_is_carried_out_once(folder):
    with serving(folder) as (service, repairer):
        first = service.forget(node(3, name="req-1"))
        again = service.forget(node(3, name="req-1"))
        assert again.known and again.epoch == first.epoch and again.acknowledged
        other = service.forget(node(3, name="req-2"))
        assert other.known and other.epoch is None
        assert other.state is State.DEACTIVATED  # the rows are still on the disk
        with pytest.raises(UserError, match="another request"):
            service.forget(node(4, name="req-1"))
        repairer.once()
        assert service.forget(node(3, name="req-1")).state is State.PURGED
        assert service.forget(node(3, name="req-3")).state is State.PURGED
        assert service.forget(node(3, name="req-3")).known
        assert len(service.journal.cases()) == 1


def test_what_was_never_there_is_refused_and_leaves_no_trace(folder):
    with serving(folder) as (service, _):
        for request in (node(60), ForgetRequest("edge", [(0, 59)]), ForgetRequest("user", [1])):
            with pytest.raises(UserError):
                service.forget(request)
        with pytest.raises(UserError, match="from 0 to 59, got 60"):
            service.predict(np.array([60]))
        assert not service.journal.cases()


def test_a_restart_keeps_what_was_acknowledged(folder):
    with serving(folder) as (service, _):
        for number in (3, 17, 44):
            service.forget(node(number))
        before = service.predict()
    with serving(folder) as (service, _):
        np.testing.assert_array_equal(service.predict(), before)
        dead_after(service)


def test_repaired_is_as_if_trained_without_it(folder, tmp_path):
    with serving(folder) as (service, repairer):
        requests = [node(3), node(17, 44), ForgetRequest("feature", [9])]
        for request in requests:
            service.forget(request)
        repair = repairer.once()
        assert not repair.failed and len(repair.purged) == 3
        depths = [
            state["depth"] for told in service.status()["hosts"]
            for state in told["shards"].values()
        ]
        assert depths == [3, 3]
        answer = service.predict()
        assert all(case.state is State.PURGED for case in service.journal.cases())
        assert not repairer.once().shards  # nothing is left to do
    data = graph()
    for request in requests:
        data = request.retained(data)
    fresh = made(tmp_path / "fresh", data)
    assert equal_weights(folder, fresh)
    assert set(weights(folder)) == wanted(folder)
    with serving(fresh) as (service, _):
        np.testing.assert_array_equal(service.predict(), answer)


def test_a_certificate_that_a_crash_prevented_is_issued_later(folder):
    with serving(folder) as (service, repairer):
        service.forget(node(3, name="req-1"))
        repairer.once()
    path = open_system(folder).layout.certificate("req-1")
    path.unlink()
    with serving(folder) as (service, _):
        assert Certificate.read(path).verify(service.journal) == []


def test_a_long_log_is_made_shorter_and_tells_the_same(folder, monkeypatch):
    monkeypatch.setattr("graphforget.exact.host.LONG", 2)
    log = open_system(folder).layout.host_log(0)
    with serving(folder) as (service, repairer):
        for number in range(0, 40, 2):
            service.forget(node(number))
        long = len(log.read_bytes().splitlines())
        repairer.once()
        service.forget(node(41))
        assert len(log.read_bytes().splitlines()) < 5 < long
        before = service.predict()
    with serving(folder) as (service, _):
        np.testing.assert_array_equal(service.predict(), before)
        dead_after(service)
    assert verify(folder, KEY) == []


def test_a_host_lost_at_the_end_of_a_repair_is_not_told_again(folder, monkeypatch):
    with serving(folder) as (service, repairer):
        service.forget(node(3))
        call = LocalHosts.call

        def lost(self, host, method, *arguments):
            if (host, method) == (1, "settle"):
                raise HostLost("gone")
            return call(self, host, method, *arguments)

        monkeypatch.setattr(LocalHosts, "call", lost)
        assert not repairer.once().purged
        monkeypatch.setattr(LocalHosts, "call", call)
        service.delivery.catch_up()
        told = service.status()["hosts"]
        assert not any(one["needs_repair"] for host in told for one in host["shards"].values())
        assert len(repairer.once().purged) == 1


def test_a_request_during_repair_hits_the_new_stages_too(folder, monkeypatch):
    with serving(folder) as (service, repairer):
        service.forget(node(3))
        call = LocalHosts.call

        def late(self, host, method, *arguments):
            if method == "adopt" and "late" not in service.journal:
                service.forget(node(17, name="late"))
            return call(self, host, method, *arguments)

        monkeypatch.setattr(LocalHosts, "call", late)
        repairer.once()
        dead_after(service)
        assert service.journal.case("late").state is State.DEACTIVATED
        repairer.once()
        assert service.journal.case("late").state is State.PURGED
        assert set(weights(folder)) == wanted(folder)


def test_a_request_before_its_hosts_are_there_is_not_acknowledged(folder, monkeypatch):
    hosts = LocalHosts(folder)
    with Service(folder, hosts, KEY, patience=0.1) as service:
        call = LocalHosts.call

        def lost(self, host, method, *arguments):
            if host == 1:
                raise HostLost("gone")
            return call(self, host, method, *arguments)

        monkeypatch.setattr(LocalHosts, "call", lost)
        receipt = service.forget(node(3, name="req-1"))
        assert receipt.state is State.JOURNALLED and not receipt.acknowledged
        assert len(service.delivery.ask(None)) == 1  # the others go on
        assert service.predict().shape == (60, 3)
        monkeypatch.setattr(LocalHosts, "call", call)
        assert service.forget(node(3, name="req-1")).acknowledged
        assert len(service.delivery.ask(None)) == 2


def test_a_host_that_was_started_again_is_told_before_it_is_believed(folder):
    with serving(folder) as (service, _):
        service.forget(node(3))
        before = service.predict()
        service.hosts.stop()
        service.hosts.start()
        assert all(answers.epoch < 0 for answers in service.hosts.call_all("respond", None))
        np.testing.assert_array_equal(service.predict(), before)


def test_with_every_shard_dark_the_constant_answers(folder):
    with serving(folder) as (service, _):
        service.forget(node(*range(60)))
        np.testing.assert_array_equal(service.predict(), np.full((60, 3), 1 / 3, np.float32))


def test_only_one_process_serves_a_folder(folder):
    with serving(folder):
        with pytest.raises(UserError, match="another process"):
            Service(folder, LocalHosts(folder), KEY)


def test_a_host_whose_place_was_taken_answers_no_more(folder):
    with serving(folder) as (service, _):
        service.predict()
        LocalHosts(folder).start()
        with pytest.raises(UserError, match="taken over"):
            service.predict()
        with pytest.raises(UserError, match="taken over"):
            service.forget(node(3))


def test_a_damaged_stage_takes_its_shard_out_and_repair_brings_it_back(folder):
    system = open_system(folder)
    with serving(folder) as (service, repairer):
        healthy = service.predict()
        files = [system.files.path(0, address) for address in system.files.addresses(0)]
    for file in files:
        file.write_bytes(file.read_bytes()[:-4] + b"oops")
    with serving(folder) as (service, repairer):
        (only,) = [a for a in service.delivery.ask(None) if a.responses]
        assert set(only.responses) == {1}
        np.testing.assert_array_equal(service.predict(), mean_answer([only]))
        assert "shard 0" in service.status()["hosts"][0]["shards"][0]["broken"]
        assert service.forget(node(3)).acknowledged
        repairer.once()
        assert service.status()["hosts"][0]["shards"][0]["depth"] == 3
        assert len(service.journal.cases()) == 1 and healthy.shape == (60, 3)
    assert set(weights(folder)) == wanted(folder)


def test_a_damaged_log_takes_its_host_out_and_repair_brings_it_back(folder):
    with serving(folder) as (service, _):
        service.forget(node(3))
        service.forget(node(17))
    log = open_system(folder).layout.host_log(0)
    log.write_bytes(log.read_bytes().replace(b"adopt", b"adapt"))
    with serving(folder) as (service, repairer):
        assert [sorted(a.responses) for a in service.delivery.ask(None)] == [[], [1]]
        assert "host-0000.log" in service.status()["hosts"][0]["shards"][0]["broken"]
        assert service.forget(node(44)).acknowledged
        repairer.once()
    with serving(folder) as (service, _):
        assert [sorted(a.responses) for a in service.delivery.ask(None)] == [[0], [1]]
        dead_after(service)
    assert set(weights(folder)) == wanted(folder)


def test_a_damaged_slice_holds_up_its_own_shard_and_no_other(folder):
    """The rows of a damaged shard stay, and so does all that keeps answers off them."""
    there = PLAN.placement.of(range(60))[0]
    lost, fine = (there == 0).nonzero()[0].tolist(), (there == 1).nonzero()[0].tolist()
    path = slice_path(folder / "source", 0, PLAN.placement.place(lost[0])[1])
    good = path.read_bytes()
    with serving(folder) as (service, repairer):
        service.forget(node(lost[0], fine[0], name="both"))
        service.forget(node(fine[1], name="fine"))
        service.forget(node(lost[0], fine[2], name="again"))  # hits the sound shard alone
        path.write_bytes(good[:-4] + b"oops")
        repair = repairer.once()
        assert list(repair.failed) == [0] and path.name in repair.failed[0]
        assert repair.shards == (1,) and repair.purged == ("fine",)
        assert {case.request_id: case.state for case in service.journal.cases()} == {
            "both": State.REPAIR_QUEUED, "again": State.REPAIR_QUEUED, "fine": State.PURGED,
        }
        whole = open_system(folder).source.ids()
        assert lost[0] in whole and not set(fine[:3]) & set(whole)
        service.predict()
        rows = service.hosts._hosts[0]._responder._rows
        assert not rows.x[lost[0]].any()  # on the disk still, and in no answer
        served = service.status()["hosts"][0]["shards"][0]["served"]
        assert not any(PLAN.placement.place(lost[0])[1] in stage for stage in served)
        assert service.status()["hosts"][1]["shards"][1]["depth"] == 3
        path.write_bytes(good)
        assert sorted(repairer.once().purged) == ["again", "both"]
    assert set(weights(folder)) == wanted(folder) and verify(folder, KEY) == []


def test_a_request_that_hosts_crash_over_is_set_aside(folder, monkeypatch):
    from graphforget.exact.graph_source import GraphSource

    without = GraphSource.without

    def poisoned(self, rows, request):
        if request.index == (3,):
            raise RuntimeError("poison")
        return without(self, rows, request)

    monkeypatch.setattr(GraphSource, "without", poisoned)
    with serving(folder) as (service, repairer):
        service.forget(node(17, name="fine"))
        service.predict()
        assert service.forget(node(3, name="poison")).acknowledged
        answer = service.predict()
        assert len(service.delivery.ask(None)) == 2 and torch.tensor(answer).isfinite().all()
        assert service.status()["set_aside"] == ["poison"]
        assert "poison" in service.status()["last_crash"]
        shard, slice = PLAN.placement.place(3)
        rows = service.hosts._hosts[0]._responder._rows
        same = [i for i in range(60) if PLAN.placement.place(i) == (shard, slice)]
        assert len(same) > 1 and not rows.x[same].any()
        repairer.once()
        assert service.journal.case("fine").state is State.PURGED
        assert service.journal.case("poison").state is State.DEACTIVATED
    with serving(folder) as (service, repairer):
        assert service.status()["set_aside"] == ["poison"]
        repairer.once(set_aside=True)
        assert service.journal.case("poison").state is State.PURGED
        assert service.status()["set_aside"] == []
    assert set(weights(folder)) == wanted(folder)


def test_repair_in_the_background_while_answers_go_on(folder):
    with serving(folder) as (service, repairer):
        repairer.start(every=0.01)
        try:
            for number in range(0, 30, 3):
                service.forget(node(number))
                assert service.predict().shape == (60, 3)
        finally:
            repairer.stop()
        assert repairer.last_error is None
        repairer.once()
        assert all(case.state is State.PURGED for case in service.journal.cases())
    assert set(weights(folder)) == wanted(folder)
