"""``python -m d_q_trial``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
