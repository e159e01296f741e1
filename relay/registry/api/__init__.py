"""The registry over mutual TLS, as JSON: a contact person lists, registers and removes addresses."""

from relay.registry.api.app import Authenticate, make_app

__all__ = ["Authenticate", "make_app"]
