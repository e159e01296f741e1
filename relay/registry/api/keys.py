"""Where an application and a request keep what the handlers need."""

from typing import Final

from aiohttp import web

from relay.registry.domain.parties import ContactPerson
from relay.registry.service import Registry

REGISTRY: Final = web.AppKey("registry", Registry)
PERSON: Final = web.RequestKey("person", ContactPerson)
