"""What is worth a line in the log, and would be written for each request → once in a while.

A caller decides how often a request fails, and must not decide how much is logged.
"""


class Seldom:
    """Lets the first of several equal texts through, and the next one `seconds` later; `most` texts are remembered."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._until: dict[str, float] = {}  # in the order in which they end

    def is_due(self, text: str, now: float) -> bool:
        """Tell whether a text is to be written; `now` is of the monotonic clock.

        While more than `most` texts are new, the rest of them waits.
        """
        until = self._until
        if until.get(text, now) > now:
            return False
        until.pop(text, None)
        if len(until) >= self._most:
            oldest = next(iter(until))
            if until[oldest] > now:
                return False
            del until[oldest]
        until[text] = now + self._seconds
        return True
