"""TLS over a plain transport, for both sides of the data path."""
