"""What a server takes, and what it refuses with which status."""

from __future__ import annotations

from dataclasses import dataclass

from multitask.errors import InputError

THOUSAND, MILLION = 10**3, 10**6


@dataclass(frozen=True)
class Limits:
    """What keeps one client, or many, from using up the machine.

    Args:
        megabytes: size of an image's file, in 10^6 bytes.
        kilobytes: size of all texts, numbers and categories of a request, in 10^3 bytes.
        megapixels: pixels of an image, in 10^6; larger ones are not decoded.
        waiting: requests that are received, wait or are computed at the same time; further ones are
            refused at once, with the time after which to try again.
        seconds: in which a request must arrive, and in which it must be answered after that.

    Raises:
        InputError: for a number that makes no sense.
    """

    megabytes: float = 20.0
    megapixels: float = 50.0
    kilobytes: float = 100.0
    waiting: int = 32
    seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float("inf"):
                raise InputError(f"--{name}={value:g}: give a number above 0")

    @property
    def bytes(self) -> int:
        """Size of a file."""
        return int(self.megabytes * MILLION)

    @property
    def written_bytes(self) -> int:
        """Size of all that is written."""
        return max(1, int(self.kilobytes * THOUSAND))

    @property
    def pixels(self) -> int:
        """Pixels of an image."""
        return max(1, int(self.megapixels * MILLION))


class Refusal(Exception):  # noqa: N818
    """A request that is not answered.

    Args:
        status: of HTTP.
        sentence: why, for people.
        retry_after: seconds after which it may be tried again; None if that would not help.
    """

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(status, sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's head says beside its status."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def busy() -> Refusal:
    """Too many requests at the same time."""
    sentence = "the server is busy with others; try again in a second"
    return Refusal(503, sentence, retry_after=1)
