"""Limits of a server, and the HTTP status if one is exceeded."""

from __future__ import annotations

from dataclasses import dataclass

from multitask.errors import InputError

THOUSAND, MILLION = 10**3, 10**6


@dataclass(frozen=True)
class Limits:
    """Limits that keep one or many clients from exhausting the machine.

    Args:
        megabytes: largest size of an image file, in 10^6 bytes.
        kilobytes: largest size of all texts, numbers and categories of a request, in 10^3 bytes.
        megapixels: largest number of pixels of an image, in 10^6; larger images are not decoded.
        waiting: largest number of requests that are received, wait or are processed at the same
            time; further requests are rejected immediately, with a time after which to retry.
        seconds: time in which a request must arrive, and then be answered.

    Raises:
        InputError: if a number is invalid.
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
        """Largest size of a file in bytes."""
        return int(self.megabytes * MILLION)

    @property
    def written_bytes(self) -> int:
        """Largest size of all written inputs in bytes."""
        return max(1, int(self.kilobytes * THOUSAND))

    @property
    def pixels(self) -> int:
        """Largest number of pixels of an image."""
        return max(1, int(self.megapixels * MILLION))


class Refusal(Exception):  # noqa: N818
    """Rejection of a request.

    Args:
        status: HTTP status.
        sentence: reason for people.
        retry_after: seconds after which to retry; None if that would not help.
    """

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(status, sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response, besides its status."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def busy() -> Refusal:
    """Rejection because of too many simultaneous requests."""
    sentence = "the server is busy with others; try again in a second"
    return Refusal(503, sentence, retry_after=1)
