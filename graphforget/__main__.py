"""Runs the command line as ``python -m graphforget``."""

import sys

from graphforget.cli import main

sys.exit(main())
