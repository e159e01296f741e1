"""Where callers connect: TLS, heads and bodies in, answers out. So far a thin adapter on aiohttp's low-level server."""
