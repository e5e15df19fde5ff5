"""Runs a function's worker by a clock that is ahead or behind: `python function_clock.py SECONDS worker.py`.

What is set is what asks `time.time` and `time.time_ns`, as the answer function does when it judges its calendars. `time.gmtime()` and
`datetime.now()` stay right, so that requests to AWS are signed for now.
"""

import runpy
import sys
import time


def main() -> None:
    """Set the clock, then be the worker."""
    ahead = float(sys.argv[1])
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + int(ahead * 1e9)
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
