"""``python -m d_q_trial``."""

import sys

from . import workers

if __name__ == "__main__":
    if (status := workers.run_in_worker(sys.argv[1:])) is None:
        from .cli import main

        status = main()
    sys.exit(status)
