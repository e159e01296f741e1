"""A Redis or Valkey server where all relays count, by the `limits` library."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from relay.gateway.shares import CommonCountAway

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

Answer = TypeVar("Answer")

# Seconds in which it has to answer, connecting included: calls may wait for it.
_PATIENCE: Final = 0.5


class RedisCount:
    """The `CommonCount` in a database of a server."""

    def __init__(self, url: str, *, password: str | None, trust: Path | None) -> None:
        """Take `url`, which is redis[s]://host:port/number, and its authorities (PEM; None: the web's).

        Nothing is sent yet.
        """
        from limits.aio.storage import RedisStorage  # here, for most relays need none of it

        self._url = url
        self._pool = _pool(url, password, trust)
        self._storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="relay",
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented, and not declared
        )

    def __repr__(self) -> str:
        return f"<RedisCount {self._url}>"

    async def add(self, name: str, amount: int, seconds: int) -> int:
        """See `CommonCount`."""
        return await self._answer(self._storage.incr(name, seconds, amount))

    async def ends(self, name: str) -> float:
        """See `CommonCount`."""
        return await self._answer(self._storage.get_expiry(name))

    async def close(self) -> None:
        """See `CommonCount`."""
        await self._pool.aclose()

    async def _answer(self, question: Coroutine[object, object, Answer]) -> Answer:
        from limits.errors import StorageError

        try:
            async with asyncio.timeout(_PATIENCE):
                return await question
        except TimeoutError:
            raise CommonCountAway(f"{self._url} gave no answer within {_PATIENCE:g} seconds") from None
        except (StorageError, OSError) as error:
            raise CommonCountAway(f"{self._url}: {error.__cause__ or error}") from None


def _pool(url: str, password: str | None, trust: Path | None) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    options: dict[str, object] = {"password": password, "retry": Retry(NoBackoff(), 0)}  # to try again is for us
    if url.startswith("rediss:"):
        options |= {"ssl_check_hostname": True, "ssl_ca_certs": None if trust is None else str(trust)}
    return ConnectionPool.from_url(url, **options)
