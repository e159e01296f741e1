"""Vaults: asked once a minute and when told to hurry, within deadlines, and as the machine, never as a person."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from relay.upstream import aws as aws_module
from relay.upstream import azure as azure_module
from relay.upstream import keeper as keeper_module
from relay.upstream.aws import SecretsManager
from relay.upstream.azure import fetch_from_key_vault
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.keeper import ASK_EVERY, KeeperFault, Lack, Vault, unreached
from relay.upstream.passport import Passport
from relay.upstream.watch import certificate_watch
from relay.x509.watch import FileWatch
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, system_file
from tests.kit.vaults import aws, azure


@dataclass
class _Kept:
    """What a vault has, how often it was asked, the clock that it goes by, and what a watch of it told."""

    octets: bytes = field(default_factory=system_file)
    reached: bool = True
    asked: int = 0
    now: float = 1000.0
    heard: list[str] = field(default_factory=list)
    passports: list[Passport] = field(default_factory=list)

    def fetch(self, place: str) -> bytes:
        self.asked += 1
        if not self.reached:
            raise unreached("no answer")
        return self.octets

    def taken(self, passport: Passport) -> None:
        self.passports.append(passport)
        self.heard.append(passport.serial)

    def refused(self, fault: CertificateFault) -> None:
        self.heard.append(fault.key)

    def watch(self) -> tuple[Vault, FileWatch[Passport, CertificateFault]]:
        keeper = Vault("azure_secret", "https://vault/secrets/x", self.fetch, clock=lambda: self.now)
        kept = KeptCertificate(keeper=keeper, password_file=None, password=PASSWORD, trust=None)
        seen = keeper.stamp()
        self.passports.append(kept.passport(kit.AT))
        return keeper, certificate_watch(kept, self, seen=seen, made=self.passports[0], now=lambda: kit.AT)


def _renewed() -> bytes:
    return kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1)).p12(PASSWORD)


async def test_a_vault_is_asked_once_a_minute_and_the_same_certificate_is_not_taken_again() -> None:
    """A pool of its own for what has not changed would shake hands anew every minute."""
    kept = _Kept()
    _, watch = kept.watch()
    for _ in range(5):
        assert not await watch.look()
    assert kept.asked == 1
    kept.now += ASK_EVERY
    for _ in range(5):
        assert not await watch.look()
    assert (kept.asked, kept.heard) == (2, [])


async def test_a_new_version_is_taken_within_a_minute_or_at_once_when_hurried() -> None:
    kept = _Kept()
    keeper, watch = kept.watch()
    kept.octets = _renewed()
    kept.now += ASK_EVERY
    assert await watch.look()
    kept.octets = system_file()
    keeper.hurry()
    assert await watch.look(again=True)
    assert [each.serial for each in kept.passports[1:]] == kept.heard
    assert kept.heard[0] != kept.heard[1]


async def test_a_silent_vault_changes_nothing_is_told_and_then_that_it_is_there_again() -> None:
    kept = _Kept()
    _, watch = kept.watch()
    kept.reached = False
    for _ in range(2):
        kept.now += ASK_EVERY
        assert await watch.look()
    kept.reached = True
    kept.now += ASK_EVERY
    assert await watch.look()
    assert kept.heard == ["certificate.azure_secret"] * 2 + [kept.passports[0].serial]
    assert kept.passports[1] is kept.passports[0]  # so that no connection is given up for it


async def test_bad_content_changes_nothing_and_is_told_with_the_place(tmp_path: Path) -> None:
    kept = _Kept()
    _, watch = kept.watch()
    kept.octets = kit.personal().p12(PASSWORD)
    kept.now += ASK_EVERY
    assert await watch.look()
    assert kept.heard == ["certificate.azure_secret"]


async def test_a_vault_is_not_asked_in_one_of_the_loops_few_threads() -> None:
    """Plain asyncio has names resolved in those, and waits for them at the end."""
    kept = _Kept()
    _, watch = kept.watch()
    with ThreadPoolExecutor(1) as only:
        asyncio.get_running_loop().set_default_executor(only)
        held = threading.Event()
        only.submit(held.wait)
        try:
            kept.octets, kept.now = _renewed(), kept.now + ASK_EVERY
            async with asyncio.timeout(5):
                assert await watch.look()
        finally:
            held.set()


@contextmanager
def _mute() -> Iterator[int]:
    """Yield the port of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (aws_module, azure_module):
        monkeypatch.setattr(module, "_READ", 0.2)
        monkeypatch.setattr(module, "_CONNECT", 0.2)


def _given_up(fetch: Callable[[str], bytes], place: str) -> None:
    begun = time.monotonic()
    with pytest.raises(KeeperFault) as told:
        fetch(place)
    assert told.value.lack is Lack.UNREACHED
    assert time.monotonic() - begun < 5


@pytest.mark.usefixtures("hasty")
def test_a_secrets_manager_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with aws(tmp_path, monkeypatch) as vault, _mute() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{port}")
        _given_up(SecretsManager().fetch, vault.place)


@pytest.mark.usefixtures("hasty")
def test_a_key_vault_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path, monkeypatch), _mute() as port:
        _given_up(fetch_from_key_vault, f"https://127.0.0.1:{port}/secrets/vecozo")


def test_key_vault_is_asked_with_a_token_of_the_machines_identity_for_that_vault_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.put(b"x")
        assert fetch_from_key_vault(vault.place) == b"x"
        assert fetch_from_key_vault(vault.place.replace("/secrets/", "/certificates/")) == b"x"
        assert vault.challenged >= 1
        assert set(vault.resources) == {f"https://0.0.1:{vault.port}"}


def test_a_server_that_wants_a_token_for_something_else_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.wanted = "https://management.azure.com"
        with pytest.raises(KeeperFault) as told:
            fetch_from_key_vault(vault.place)
        assert (told.value.lack, vault.resources) == (Lack.UNREADABLE, [])


def test_a_persons_login_is_never_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as that of the Azure CLI, which happens to be on somebody's machine."""
    cli = tmp_path / "az"
    cli.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    cli.chmod(0o755)
    with azure(tmp_path, monkeypatch) as vault:
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("IDENTITY_HEADER", "another machine's")
        with pytest.raises(KeeperFault) as told:
            fetch_from_key_vault(vault.place)
    assert told.value.lack is Lack.UNREADABLE
    assert not (tmp_path / "asked").exists()
    assert [record for record in caplog.records if record.name.startswith("azure")] == []


def test_credentials_that_were_mended_count_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with aws(tmp_path, monkeypatch) as vault:
        vault.put(b"x")
        asking = SecretsManager()
        with monkeypatch.context() as away:
            away.delenv("AWS_ACCESS_KEY_ID")
            away.delenv("AWS_SECRET_ACCESS_KEY")
            with pytest.raises(KeeperFault) as told:
                asking.fetch(vault.place)
        assert told.value.lack is Lack.UNREADABLE
        assert asking.fetch(vault.place) == b"x"


def test_an_answer_that_has_no_end_is_given_up_and_not_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of it may come in time: the vendors' deadlines are for pieces."""
    monkeypatch.setattr(keeper_module, "_GIVE_UP", 0.1)
    over, asked = threading.Event(), list[str]()

    def fetch(place: str) -> bytes:
        asked.append(place)
        over.wait(10)
        return b"x"

    vault = Vault("aws_secret", "arn:x", fetch)
    for _ in range(3):
        with pytest.raises(KeeperFault) as told:
            vault.octets()
        assert told.value.lack is Lack.UNREACHED
    assert asked == ["arn:x"]
    over.set()
    until_then = time.monotonic() + 5
    while vault._asking and time.monotonic() < until_then:
        time.sleep(0.01)
    assert vault.octets() == b"x"


def test_a_key_vault_that_leads_elsewhere_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path / "a", monkeypatch) as elsewhere, azure(tmp_path / "b", monkeypatch) as vault:
        elsewhere.put(b"another's")
        vault.leads_to = elsewhere.place
        with pytest.raises(KeeperFault) as told:
            fetch_from_key_vault(vault.place)
        assert told.value.lack is Lack.UNREADABLE
        assert elsewhere.challenged == 0


def test_a_key_vault_that_bids_wait_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.status, vault.fields = 429, {"Retry-After": "86400"}
        _given_up(fetch_from_key_vault, vault.place)


def test_an_answer_that_the_vendors_software_chokes_on_is_told_and_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.body = ["geheim"]
        with pytest.raises(KeeperFault) as of_azure:
            fetch_from_key_vault(vault.place)
        monkeypatch.setattr(vault._identity, "answers", lambda asked: (200, {}, ["geheim"]))
        with aws(tmp_path, monkeypatch) as secrets:
            monkeypatch.setenv(
                "AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{vault._identity.server_address[1]}"
            )
            with pytest.raises(KeeperFault) as of_aws:
                SecretsManager().fetch(secrets.place)
    for told in (of_azure, of_aws):
        assert told.value.lack is Lack.UNREACHED
        assert "geheim" not in told.value.detail
