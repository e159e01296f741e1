"""The registry's rules as pure functions over frozen values: no clock, socket, database or log."""
