"""What is worth a line in the log, and would be written for each request → once in a while.

A caller decides how often a request fails, and must not decide how much is logged.
"""


class Seldom:
    """Lets the first of several equal texts through, and the next one `seconds` later; `most` texts are remembered."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._until: dict[str, float] = {}

    def is_due(self, text: str, now: float) -> bool:
        """Tell whether a text is to be written; `now` is of the monotonic clock.

        While more than `most` texts are new, the rest of them waits.
        """
        if self._until.get(text, now) > now:
            return False
        if len(self._until) >= self._most:
            self._until = {each: until for each, until in self._until.items() if until > now}
            if len(self._until) >= self._most:
                return False
        self._until[text] = now + self._seconds
        return True
