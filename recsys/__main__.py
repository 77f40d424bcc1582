"""Runs the command line as ``python -m recsys``."""

import sys

from recsys.cli import main

sys.exit(main())
