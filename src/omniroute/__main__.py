"""`python -m omniroute`: the same as the `omniroute` command."""

import sys

from omniroute.cli.main import main

sys.exit(main())
