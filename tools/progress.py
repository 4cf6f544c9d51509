"""A progress line on standard error for the loaders.

On a terminal it is a bar that is drawn in place; elsewhere (a log) a plain line every ten seconds.
"""
import sys
import time

WIDTH = 30


class Progress:
    def __init__(self, what, total):
        self.what, self.total = what, total
        self.start = self.shown = time.monotonic()
        self.live = sys.stderr.isatty()

    def _line(self, done):
        elapsed = max(time.monotonic() - self.start, 1e-9)
        filled = WIDTH * done // max(self.total, 1)
        return "    %-14s [%s%s] %9s / %s  %9s/s" % (
            self.what, "#" * filled, "." * (WIDTH - filled), format(done, ","),
            format(self.total, ","), format(int(done / elapsed), ","))

    def update(self, done):
        """To be called often; draws at most ten times a second (every ten seconds in a log)."""
        now = time.monotonic()
        if now - self.shown < (0.1 if self.live else 10.0):
            return
        self.shown = now
        print(("\r" if self.live else "") + self._line(done), end="" if self.live else "\n",
              file=sys.stderr, flush=True)

    def finish(self, done):
        """Replaces the bar by the final figures and returns the seconds since the start."""
        elapsed = time.monotonic() - self.start
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        print("    %-14s %s rows in %.1f s, %s rows/s" % (
            self.what, format(done, ","), elapsed, format(int(done / max(elapsed, 1e-9)), ",")), flush=True)
        return elapsed
