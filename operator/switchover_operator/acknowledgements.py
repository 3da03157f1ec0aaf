"""What the data planes answered to the newest table: plain data, made by the publisher and read by reports and logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A data plane's answer to one revision. `reasons` are those it gave for refusing it."""

    revision: str
    accepted: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """The last answer of every known data plane, by its name; None where one has not answered yet.

    `ready` names the data planes that take requests; None: all do. `active` is the priority that answers, by upstream;
    where data planes differ, the highest number.
    """

    revision: str = ""
    answers: Mapping[str, Acknowledgement | None] = field(default_factory=dict)
    ready: frozenset[str] | None = None
    active: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every data plane that takes requests serves the newest revision, and at least one does."""
        return len(self.missing) < len(self.answers) and not (
            self.missing if self.ready is None else self.missing & self.ready
        )

    @property
    def missing(self) -> frozenset[str]:
        """Names of the data planes that have not accepted the newest revision."""
        return frozenset(
            name
            for name, answer in self.answers.items()
            if answer is None or not answer.accepted or answer.revision != self.revision
        )

    @property
    def refusals(self) -> dict[str, tuple[str, ...]]:
        """The reasons of each data plane that refused the newest revision, by its name."""
        return {
            name: answer.reasons
            for name, answer in self.answers.items()
            if answer is not None and not answer.accepted and answer.revision == self.revision
        }
