"""The book as it stands in this process: one who writes at a time, and everybody told of each change in order."""

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final

from relay.registry.domain.events import Event
from relay.registry.domain.snapshot import Snapshot
from relay.registry.ports import Book, Clock, Store

Subscriber = Callable[[Snapshot], None]


def snapshot_of(book: Book, *, enforced_from: datetime | None = None) -> Snapshot:
    """Return the book that was read, as the gate needs it."""
    return Snapshot.of(
        book.certificates,
        book.ranges,
        organisations=book.organisations,
        customers=book.customers,
        selected=book.selected,
        consents=book.consents,
        authorisations=book.authorisations,
        blocks=book.blocks,
        deferrals=book.deferrals,
        version=book.version,
        enforced_from=enforced_from,
    )


class Keeper:
    """Holds the snapshot, and lets use cases decide on it and write under one lock. Used from several threads."""

    def __init__(self, store: Store, clock: Clock, *, enforced_from: datetime | None) -> None:
        self.store: Final = store
        self.clock: Final = clock
        self.lock: Final = Lock()
        self._subscribers: Final[list[Subscriber]] = []
        self._snapshot = snapshot_of(store.load(), enforced_from=enforced_from)

    def __repr__(self) -> str:
        return f"<Keeper of {self._snapshot!r}>"

    @property
    def snapshot(self) -> Snapshot:
        """The book as it stands now."""
        return self._snapshot

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand `subscriber` the book now and after every change, in order.

        It is called under the lock, in whatever thread made the change: let it do no more than keep the snapshot.
        """
        with self.lock:
            self._subscribers.append(subscriber)
            subscriber(self._snapshot)

    def record(self, event: Event) -> bool:
        """Write down what happened, under the lock; False when the book said so already. Raises BookUnavailable."""
        version = self.store.record(event, at=self.clock())
        if version is None:
            return False
        if version == self._snapshot.version + 1:
            self._go_on(event, version)
        else:  # others wrote in between
            self._follow()
        return True

    def follow(self) -> None:
        """Take over what other processes have written since. Raises BookUnavailable."""
        with self.lock:
            self._follow()

    def _follow(self) -> None:
        for version, event in self.store.since(self._snapshot.version):
            self._go_on(event, version)

    def _go_on(self, event: Event, version: int) -> None:
        self._snapshot = self._snapshot.with_change(event, version=version)
        for subscriber in self._subscribers:
            subscriber(self._snapshot)
