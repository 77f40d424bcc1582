from __future__ import annotations

import pytest

from graphforget.core.errors import UserError
from graphforget.exact.host_log import HostLog
from graphforget.exact.ledger import Fenced


def written(path, *contents) -> HostLog:
    log = HostLog(path)
    log.take_over()
    for content in contents:
        log.append(content)
    return log


def test_what_is_appended_is_read_again(tmp_path):
    path = tmp_path / "hosts" / "host.log"
    written(path, {"a": 1}, {"b": [2]})
    assert HostLog(path).take_over() == [{"a": 1}, {"b": [2]}]


@pytest.mark.parametrize("cut", [1, 5, 40, 90])
def test_a_line_that_was_cut_is_passed_over_and_others_follow(tmp_path, cut):
    path = tmp_path / "host.log"
    written(path, "first", "second")
    path.write_bytes(path.read_bytes()[:-cut])
    log = HostLog(path)
    survived = log.take_over()
    assert survived == ["first"] or (cut == 1 and survived == ["first", "second"])
    log.append("third")
    assert HostLog(path).take_over() == [*survived, "third"]


@pytest.mark.parametrize("damage", [
    lambda lines: lines[1:],
    lambda lines: [lines[0], lines[2]],
    lambda lines: [lines[0], lines[1].replace(b"second", b"others"), lines[2]],
    lambda lines: [lines[0], lines[1][:-9], lines[2]],
    lambda lines: [lines[1], lines[0], lines[2]],
])
def test_damage_before_the_end_is_told(tmp_path, damage):
    path = tmp_path / "host.log"
    written(path, "first", "second", "third")
    path.write_bytes(b"\n".join(damage(path.read_bytes().splitlines())) + b"\n")
    with pytest.raises(UserError, match=r"host\.log, line \d"):
        HostLog(path).take_over()


def test_a_damaged_log_is_replaced_by_a_whole_one(tmp_path):
    path = tmp_path / "host.log"
    written(path, "first", "second")
    path.write_bytes(path.read_bytes().replace(b"first", b"fists"))
    log = HostLog(path)
    with pytest.raises(UserError):
        log.take_over()
    log.rewrite(["new"])
    log.append("newer")
    assert HostLog(path).take_over() == ["new", "newer"]


def test_whoever_was_replaced_can_write_no_more(tmp_path):
    old = written(tmp_path / "host.log", "first")
    new = HostLog(tmp_path / "host.log")
    assert new.take_over() == ["first"]
    with pytest.raises(Fenced):
        old.append("late")
    with pytest.raises(Fenced):
        old.rewrite([])
    new.append("second")
    assert HostLog(tmp_path / "host.log").take_over() == ["first", "second"]
