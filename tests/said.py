"""What a process wrote, in the failure of the test that waited for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MOST = 8000
"""Characters, of the end."""


@contextmanager
def with_what_it_said(written: Callable[[], str]) -> Iterator[None]:
    """Add what a process wrote to whatever is raised inside, once."""
    try:
        yield
    except BaseException as error:
        if not any(note.startswith(_BEGINNING) for note in getattr(error, "__notes__", ())):
            error.add_note(f"{_BEGINNING}\n{written()[-_MOST:] or '(nothing)'}")
        raise


_BEGINNING = "The process wrote:"
