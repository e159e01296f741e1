"""A book that others write into as well is followed: as soon as they tell, and every few seconds all the same."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from structlog.typing import FilteringBoundLogger

from relay.registry.domain.errors import BookUnavailable
from relay.registry.ports import News

# Seconds. Nobody's word is needed for longer than that; and a book that is away is looked for that often.
_EVERY: Final = 2.0
# The longest that the end of it all waits for somebody's word.
_BREATH: Final = 0.25


class Following:
    """A thread that takes over what was written elsewhere, and knows when it last heard of the book.

    While the book is away it is looked for, and whoever decides on what is known goes on: nothing is thrown away.
    """

    def __init__(self, follow: Callable[[], None], news: News, logger: FilteringBoundLogger) -> None:
        """Take what takes over all there is, and who says that there may be something."""
        self._follow: Final = follow
        self._news: Final = news
        self._logger: Final = logger
        self._over: Final = Event()
        self._heard = time.monotonic()
        self._thread: Final = Thread(target=self._run, name="book", daemon=True)

    def __repr__(self) -> str:
        return f"<Following, heard {self.age():.1f} s ago>"

    def __enter__(self) -> "Following":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()
        self._news.close()

    def age(self) -> float:
        """Return for how many seconds nothing has been heard of the book."""
        return time.monotonic() - self._heard

    def _run(self) -> None:
        away = False
        while not self._over.is_set():
            try:
                if self._news.wait(_BREATH) or self.age() >= _EVERY:
                    self._follow()
                    self._heard = time.monotonic()
            except BookUnavailable as gone:
                if not away:
                    self._logger.error("book_away", detail=gone.detail)
                away = True
                self._over.wait(_EVERY)
            else:
                if away:
                    self._logger.info("book_back")
                away = False
