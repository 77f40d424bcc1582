"""The two ways to tell a user what is wrong.

A message is one line: the thing, what was wanted, what came, the way out.
"""

from __future__ import annotations


class UserError(ValueError):
    """Bad input: the command line prints the message in one line and exits with code 2.

    >>> raise UserError("request r.json: 'index' must list node ids, got 'all'; list the ids")
    Traceback (most recent call last):
    graphforget.core.errors.UserError: request r.json: 'index' must list node ids, ...
    """


class Refused(UserError):
    """An unlearner that cannot carry out a request says why, before any work is done."""
