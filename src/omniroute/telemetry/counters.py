"""Counts of what happened, in this process."""

from collections import Counter

from omniroute.telemetry.latency import Latency


class Counters:
    """Requests by (dialect, provider, outcome), attempts by (provider, outcome), losses by (from, to, what),
    how long providers took, and the tokens that passed. Written by the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.losses: Counter[tuple[str, str, str]] = Counter()
        self.latency = Latency()
        self.input_tokens = 0
        self.output_tokens = 0
        self.active = 0
        """Requests under way."""
        self.shed = 0
        """Requests that were sent away because too many were under way."""
