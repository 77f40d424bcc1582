"""The verbs of the command line, one file each, made like those of `graphforget.commands`.

A verb is a module with ``parser() -> ArgumentParser`` and ``run(options) -> int``, the exit code,
and one line in `recsys.cli`. `parsing` has what verbs share.
"""
