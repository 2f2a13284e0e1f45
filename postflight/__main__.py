"""`python -m postflight` is the `postflight` command."""

import sys

from postflight.cli import main

sys.exit(main())
