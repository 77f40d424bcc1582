"""Where requests are placed: a folder of files, or one queue file that grows."""

from __future__ import annotations

from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.request_file import LARGEST_FILE, from_json, read_requests


class Inbox:
    """Reads what is new in a folder of ``.json`` and ``.jsonl`` files, or in one such file.

    Files are only read: whoever placed them owns them. A file is read again when it has changed,
    so one that was caught half written is understood at the next look. In a ``.jsonl`` file each
    line stands for itself, and a malformed line does not hold up the others.

    Args:
        source: folder or file; it may appear later.
    """

    def __init__(self, source: str | Path) -> None:
        self.source = Path(source)
        self._read: dict[Path, tuple[int, int]] = {}
        self._reported: set[str] = set()

    def poll(self) -> tuple[list[ForgetRequest], list[str]]:
        """Requests of new and changed files in order of their names, and what was malformed.

        A request may be handed out again when its file changes; each malformed entry is
        reported once, in one line.
        """
        requests: list[ForgetRequest] = []
        problems: list[str] = []
        for path in self._changed():
            for answer in _requests_of(path):
                if isinstance(answer, ForgetRequest):
                    requests.append(answer)
                elif str(answer) not in self._reported:
                    self._reported.add(str(answer))
                    problems.append(str(answer))
        return requests, problems

    def _changed(self) -> list[Path]:
        if self.source.is_dir():
            found = [p for p in self.source.iterdir() if p.suffix in (".json", ".jsonl")]
        else:
            found = [self.source]
        changed = []
        for path in sorted(p for p in found if not p.name.startswith(".")):
            try:
                status = path.stat()
            except OSError:
                continue  # gone, or not there yet
            mark = (status.st_mtime_ns, status.st_size)
            if self._read.get(path) != mark and path.is_file():
                self._read[path] = mark
                changed.append(path)
        return changed


def _requests_of(path: Path) -> list[ForgetRequest | UserError]:
    if path.suffix != ".jsonl":
        try:
            return list(read_requests(path))
        except UserError as error:
            return [error]
    try:
        if path.stat().st_size > LARGEST_FILE:
            return [UserError(f"{path}: wanted at most 64 MiB of requests; split the queue")]
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        return [UserError(f"{path}: cannot be read ({error.strerror}); check the path")]
    answers: list[ForgetRequest | UserError] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            answers.append(from_json(line.decode("utf-8"), source=where))
        except UnicodeDecodeError:
            answers.append(UserError(f"{where}: wanted UTF-8 text; save the file as UTF-8"))
        except UserError as error:
            answers.append(error)
    return answers
