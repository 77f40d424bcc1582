"""A request file is read whole or refused in one line that says where and what."""

from __future__ import annotations

import json

import pytest

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.request_file import from_json, read_requests, to_json

GOOD = '{"kind": "edge", "index": [[12, 80], [7, 5]], "id": "req-001", '
GOOD += '"received_at": "2026-11-24T10:00:00Z", "reason": "withdrawn consent"}'


def test_json_there_and_back():
    request = from_json(GOOD)
    assert request.id == "req-001" and request.index == ((5, 7), (12, 80))
    assert from_json(to_json(request)) == request


def test_a_queue_is_read_in_order(tmp_path):
    queue = [ForgetRequest("node", [i]) for i in (3, 1, 2)]
    path = tmp_path / "queue.jsonl"
    path.write_text("\n".join(map(to_json, queue)) + "\n\n")
    assert read_requests(path) == queue


def test_a_line_of_a_queue_ends_at_a_line_feed_and_nowhere_else(tmp_path):
    path = tmp_path / "queue.jsonl"
    reason = "first\u2028second\x85third"  # separators that JSON allows within a text
    line = json.dumps({"kind": "node", "index": [1], "reason": reason}, ensure_ascii=False)
    path.write_bytes(f"{line}\r\n{GOOD}\r\n".encode())
    assert [each.kind for each in read_requests(path)] == ["node", "edge"]
    assert read_requests(path)[0].reason == reason


def test_a_single_request_may_be_spread_over_lines(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps(json.loads(GOOD), indent=2))
    assert read_requests(path) == [from_json(GOOD)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "{",
        "[]",
        "3",
        "null",
        '"node"',
        "{}",
        '{"kind": "node"}',
        '{"index": [1]}',
        '{"kind": "node", "index": [1], "path": "x"}',
        '{"kind": "node", "kind": "edge", "index": [1]}',
        '{"kind": "node", "index": [NaN]}',
        '{"kind": "node", "index": [Infinity]}',
        '{"kind": "node", "index": [1e3]}',
        '{"kind": "node", "index": ' + "9" * 5000 + "}",
        '{"kind": ["node"], "index": [1]}',
        '{"kind": "node", "index": {"a": 1}}',
        '{"kind": "node", "index": ' + "[" * 100000 + "]" * 100000 + "}",
        '[{"kind": "node", "index": [1]}]',
    ],
)
def test_hostile_text_is_one_line_naming_the_file(tmp_path, text):
    path = tmp_path / "request.json"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_requests(path)
    message = str(error.value)
    assert "request.json" in message and "\n" not in message and len(message) < 400


def test_bytes_that_are_no_text_are_named_with_their_position(tmp_path):
    path = tmp_path / "request.json"
    path.write_bytes(b'{"kind": "n\xffde"}')
    with pytest.raises(UserError, match="0xff at position 11"):
        read_requests(path)


def test_one_bad_line_refuses_the_whole_queue_and_names_the_line(tmp_path):
    path = tmp_path / "queue.jsonl"
    path.write_text('{"kind": "node", "index": [1]}\n{"kind": "node", "index": [-1]}\n')
    with pytest.raises(UserError, match="line 2"):
        read_requests(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_requests(tmp_path / "absent.json")
    with pytest.raises(UserError):
        read_requests(tmp_path)
