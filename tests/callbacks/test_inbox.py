from graphforget.callbacks.inbox import Inbox


def test_a_folder_is_read_by_name_and_only_when_it_changes(tmp_path):
    (tmp_path / "b.json").write_text('{"kind": "node", "index": [2]}')
    (tmp_path / "a.jsonl").write_text('{"kind": "node", "index": [1]}\n')
    (tmp_path / ".c.json").write_text("half writ")
    (tmp_path / "readme.txt").write_text("no request")
    inbox = Inbox(tmp_path)
    requests, problems = inbox.poll()
    assert [r.index for r in requests] == [(1,), (2,)] and not problems
    assert inbox.poll() == ([], [])


def test_a_malformed_line_is_reported_once_and_holds_up_no_other(tmp_path):
    queue = tmp_path / "queue.jsonl"
    queue.write_bytes(
        b'{"kind": "node", "index": [1]}\n{"kind"\n\xff\n{"kind": "node", "index": [3]}\n'
    )
    inbox = Inbox(queue)
    requests, problems = inbox.poll()
    assert [r.index for r in requests] == [(1,), (3,)]
    assert ["line 2" in problems[0], "line 3" in problems[1], len(problems)] == [True, True, 2]
    with queue.open("a") as file:
        file.write('{"kind": "node", "index": [4]}\n')
    requests, problems = inbox.poll()
    assert requests[-1].index == (4,) and not problems


def test_a_half_written_file_is_understood_when_it_is_whole(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('{"kind": "node", ')
    inbox = Inbox(tmp_path)
    assert inbox.poll()[0] == []
    path.write_text('{"kind": "node", "index": [1]}')
    assert [r.index for r in inbox.poll()[0]] == [(1,)]


def test_a_source_that_is_not_there_yet_is_empty(tmp_path):
    inbox = Inbox(tmp_path / "later")
    assert inbox.poll() == ([], [])
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "r.json").write_text('{"kind": "class", "index": [1]}')
    assert len(inbox.poll()[0]) == 1
