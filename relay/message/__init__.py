"""HTTP messages as values: heads, hops, targets and framing, decided on the very bytes that travel. Pure."""
