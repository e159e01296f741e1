"""Letters that go out by themselves: what is due, the message, and the server that takes it."""
