"""The verbs of the command line, one file each.

A verb is a module with ``parser() -> ArgumentParser`` and ``run(options) -> int``, the exit code,
and one line in `graphforget.cli`. What verbs share is beside them: `parsing` (options and their
errors), `runs` (run folders and their parents), `requests` (from files and samples), `progress`
and `screen`.
"""
