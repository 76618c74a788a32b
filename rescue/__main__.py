"""``python3 -m rescue``: the recovery agent."""

import sys

from rescue.cli import main

if __name__ == "__main__":
    sys.exit(main())
