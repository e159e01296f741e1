"""Vaults on this machine: moto's AWS Secrets Manager, and a Key Vault that speaks as Azure's does, over HTTPS.

The vendors' own software asks them, and finds them as it finds the real ones: by its environment variables. They live
in threads, for that software blocks.
"""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from relay.x509.context import server_context_from
from tests.kit import authority as kit

_REGION = "eu-central-1"


class Kept(Protocol):
    """A certificate in a vault: the settings' name for it, where it is, and what a test does there."""

    setting: str
    place: str

    def put(self, octets: bytes) -> None:
        """Keep this PKCS#12 file, as another version where there is one."""
        ...

    def put_text(self, text: str) -> None:
        """Keep this text in its place."""
        ...

    def take_away(self) -> None:
        """Keep nothing of this name any more."""
        ...

    def withhold(self) -> None:
        """Refuse to give it to the relay."""
        ...

    def close(self) -> None:
        """Take no connections any more."""
        ...

    def open(self) -> None:
        """Take connections again, at the same port."""
        ...


# -- AWS -----------------------------------------------------------------------------------------------------------


class Aws:
    """One secret in a Secrets Manager of moto's."""

    setting = "aws_secret"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._port = 0
        self.open()
        url = f"http://127.0.0.1:{self._port}"
        for name, value in {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        self._monkeypatch = monkeypatch
        self._client = boto3.session.Session().client(
            "secretsmanager", region_name=_REGION, config=Config(retries={"total_max_attempts": 1})
        )
        self.place = self._client.create_secret(Name=f"vecozo/{uuid4()}")["ARN"]

    def put(self, octets: bytes) -> None:
        self._client.put_secret_value(SecretId=self.place, SecretBinary=octets)

    def put_text(self, text: str) -> None:
        self._client.put_secret_value(SecretId=self.place, SecretString=text)

    def take_away(self) -> None:
        self._client.delete_secret(SecretId=self.place, ForceDeleteWithoutRecovery=True)

    def withhold(self) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            self._monkeypatch.delenv(name)

    def close(self) -> None:
        self._client.close()
        self._server.stop()

    def open(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]


# -- Azure ---------------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        status, fields, body = self.server.answers(self)
        octets = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(octets)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    do_POST = do_GET  # noqa: N815  # as AWS is asked

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Answer = tuple[int, dict[str, str], Any]


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, answers: Any, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = answers
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who hang up."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


@dataclass
class Azure:
    """One secret in a Key Vault, and the managed identity of the machine that may read it.

    As Azure does, it answers 401 and where to get a token to whoever comes without one.
    """

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    setting: str = "azure_secret"
    secrets: dict[str, str] = field(default_factory=dict)
    status: int = 200
    wanted: str = ""
    leads_to: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    body: Any = None
    challenged: int = 0
    resources: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "authorities.pem").write_bytes(kit.authority().trust_pem())
        self.open()
        self._identity = _Server(0, self._token, None)
        self.place = f"https://127.0.0.1:{self.port}/secrets/vecozo"
        for name, value in {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._identity.server_address[1]}/msi/token",
            "IDENTITY_HEADER": "the machine's",
            "REQUESTS_CA_BUNDLE": str(self.folder / "authorities.pem"),
        }.items():
            self.monkeypatch.setenv(name, value)

    def put(self, octets: bytes) -> None:
        self.put_text(base64.b64encode(octets).decode())

    def put_text(self, text: str) -> None:
        self.secrets["vecozo"] = text

    def take_away(self) -> None:
        self.secrets.clear()

    def withhold(self) -> None:
        self.status = 403

    def close(self) -> None:
        self._vault.stop()

    def open(self) -> None:
        context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
        self._vault = _Server(self.port, self._secret, context)
        self.port = self._vault.server_address[1]

    def end(self) -> None:
        self.close()
        self._identity.stop()

    def _token(self, asked: BaseHTTPRequestHandler) -> Answer:
        if asked.headers["X-IDENTITY-HEADER"] != "the machine's":
            return 401, {}, {}
        [resource] = parse_qs(urlsplit(asked.path).query)["resource"]
        self.resources.append(resource)
        expires = str(int(time.time()) + 3600)
        return 200, {}, {"access_token": "tok", "expires_on": expires, "resource": resource, "token_type": "Bearer"}

    def _secret(self, asked: BaseHTTPRequestHandler) -> Answer:
        if self.leads_to:
            return 302, {"Location": self.leads_to}, {}
        if asked.headers["Authorization"] != "Bearer tok":
            self.challenged += 1
            # Azure's software takes a resource only where the vault's host is below it: NAME.vault.azure.net is.
            resource = self.wanted or f"https://0.0.1:{self.port}"
            challenge = f'authorization="https://login.microsoftonline.com/t", resource="{resource}"'
            return 401, {"WWW-Authenticate": f"Bearer {challenge}"}, _error("Unauthorized")
        name = urlsplit(asked.path).path.split("/")[2]
        if self.status != 200:
            return self.status, self.fields, _error("Forbidden")
        if self.body is not None:
            return 200, {}, self.body
        if name not in self.secrets:
            return 404, {}, _error("SecretNotFound")
        where = f"https://127.0.0.1:{self.port}/secrets/{name}/1"
        return 200, {}, {"value": self.secrets[name], "id": where, "attributes": {"enabled": True}}


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "told by the vault"}}


@contextmanager
def azure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    vault = Azure(folder / "azure", monkeypatch)
    try:
        yield vault
    finally:
        vault.end()


@contextmanager
def aws(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    vault = Aws(monkeypatch)
    try:
        yield vault
    finally:
        vault.close()


VAULTS: dict[str, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Kept]]] = {"azure": azure, "aws": aws}
