"""The relay's settings: what is refused, under which key, and that the defaults are the careful ones."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.errors import SettingsFault
from relay.settings.relay import RelaySettings
from tests.kit.relay import read_settings, write_settings


def _faults(folder: Path, **changes: object) -> dict[str, str]:
    write_settings(folder, 443, changes={key.replace("__", "."): value for key, value in changes.items()})
    with pytest.raises(SettingsFault) as raised:
        read_settings(folder)
    return dict(raised.value.faults)


def _read(folder: Path, **changes: object) -> RelaySettings:
    write_settings(folder, 443, changes={key.replace("__", "."): value for key, value in changes.items()})
    return read_settings(folder)


def _route(**changes: object) -> list[dict[str, object]]:
    return [{"name": "x", "prefix": "/x", "upstream": "https://a.example", **changes}]


def test_the_kits_settings_are_in_order(tmp_path: Path) -> None:
    assert _read(tmp_path).tenants["linde"].certificate.file == tmp_path / "system.p12"


def test_without_clients_nobody_is_let_in_and_that_is_no_fault(tmp_path: Path) -> None:
    write_settings(tmp_path, 443)
    file = tmp_path / "relay.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("clients.")))
    assert read_settings(tmp_path).clients == {}


def test_faults_in_many_places_are_all_told(tmp_path: Path) -> None:
    faults = _faults(
        tmp_path,
        loop="trio",
        listen__port=70000,
        deadlines__total=0,
        tenants__linde__environment="prod",
        tenants__linde__egress__source_address="::1",
        tenants__linde__routes=_route(prefix="/x/"),
        clients__dynamics__tenants=[],
    )
    assert set(faults) == {
        "loop", "listen.port", "deadlines.total", "tenants.linde.environment", "tenants.linde.egress.source_address",
        "tenants.linde.routes.0.prefix", "clients.dynamics.tenants",
    }  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "/", "x", "/x/", "//x", "/x//y", "/x/../y", "/./x", "/x?y", "/x y", "/%41"])
def test_a_prefix_is_whole_plain_segments(tmp_path: Path, prefix: str) -> None:
    assert set(_faults(tmp_path, tenants__linde__routes=_route(prefix=prefix))) == {"tenants.linde.routes.0.prefix"}


@pytest.mark.parametrize(
    "upstream",
    ["http://a.example", "a.example", "https://", "https://a.example/x", "https://a.example?x", "https://a.example#x",
     "https://user:geheim@a.example"],
)  # fmt: skip
def test_an_upstream_is_a_bare_https_place(tmp_path: Path, upstream: str) -> None:
    faults = _faults(tmp_path, tenants__linde__routes=_route(upstream=upstream))
    assert set(faults) == {"tenants.linde.routes.0.upstream"}
    assert "geheim" not in str(faults)


@pytest.mark.parametrize(
    ("upstream", "place"),
    [("https://a.example", ("a.example", 443)), ("https://a.example:8443/", ("a.example", 8443))],
)
def test_an_upstreams_place_has_the_usual_port_unless_told(
    tmp_path: Path, upstream: str, place: tuple[str, int]
) -> None:
    [route] = _read(tmp_path, tenants__linde__routes=_route(upstream=upstream)).tenants["linde"].routes
    assert route.place == place


def test_an_upstreams_port_that_is_no_port_is_a_fault(tmp_path: Path) -> None:
    faults = _faults(tmp_path, tenants__linde__routes=_route(upstream="https://a.example:99999"))
    assert set(faults) == {"tenants.linde.routes.0.upstream"}


def test_a_route_is_not_repeatable_unless_it_says_so(tmp_path: Path) -> None:
    [route] = _read(tmp_path, tenants__linde__routes=_route()).tenants["linde"].routes
    assert not route.repeatable


@pytest.mark.parametrize("other", [{"name": "x", "prefix": "/y"}, {"name": "y", "prefix": "/x"}], ids=str)
def test_a_name_and_a_prefix_belong_to_one_route(tmp_path: Path, other: dict[str, object]) -> None:
    faults = _faults(tmp_path, tenants__linde__routes=[*_route(), *_route(**other)])
    assert set(faults) == {"tenants.linde.routes"}
    assert "2 routes" in faults["tenants.linde.routes"]


def test_a_list_that_may_not_be_empty_says_so(tmp_path: Path) -> None:
    assert _faults(tmp_path, clients__dynamics__tenants=[]) == {"clients.dynamics.tenants": "needs at least one"}


def test_a_tenant_has_to_lead_somewhere(tmp_path: Path) -> None:
    faults = _faults(tmp_path, tenants__linde__routes=[])
    assert set(faults) == {"tenants.linde"}
    assert "preset" in faults["tenants.linde"]


def test_what_is_revoked_is_so_by_authorities_that_are_given(tmp_path: Path) -> None:
    """Those of the web do not sign such lists themselves: who does has to stand in the file."""
    write_settings(tmp_path, 443, changes={"tenants.linde.trust_revocations": "upstream.crl"})
    file = tmp_path / "relay.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "linde.trust =" not in line))
    with pytest.raises(SettingsFault) as raised:
        read_settings(tmp_path)
    [(key, fault)] = raised.value.faults
    assert key == "tenants.linde.trust_revocations"
    assert "tenants.linde.trust" in fault


def test_a_certificate_has_one_password_from_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_TENANTS__LINDE__CERTIFICATE__PASSWORD", "geheim")
    faults = _faults(tmp_path)
    assert set(faults) == {"tenants.linde.certificate"}
    assert "geheim" not in str(faults)


AZURE = "https://practice.vault.azure.net/secrets/vecozo"
AWS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vecozo-AbCdEf"


@pytest.mark.parametrize(
    "secret",
    [
        {"azure_secret": AZURE},
        {"azure_secret": AZURE.replace("secrets", "certificates")},
        {"aws_secret": AWS},
        {"aws_secret": AWS.replace("aws:", "aws-eusc:", 1), "password": "geheim"},
    ],
    ids=str,
)
def test_a_certificate_may_be_in_a_vault_with_or_without_a_password(tmp_path: Path, secret: dict[str, str]) -> None:
    certificate = _read(tmp_path, tenants__linde__certificate=secret).tenants["linde"].certificate
    assert certificate.file is None
    assert [certificate.azure_secret, certificate.aws_secret].count(None) == 1


@pytest.mark.parametrize(
    "certificate",
    [
        {"password": "geheim"},
        {"file": "system.p12"},
        {"file": "system.p12", "password": "geheim", "aws_secret": AWS},
        {"azure_secret": AZURE, "aws_secret": AWS},
        {"azure_secret": AZURE, "password": "geheim", "password_file": "password"},
    ],
    ids=["nowhere", "no password", "file and vault", "two vaults", "two passwords"],
)
def test_a_certificate_is_kept_in_one_place(tmp_path: Path, certificate: dict[str, str]) -> None:
    faults = _faults(tmp_path, tenants__linde__certificate=certificate)
    assert set(faults) == {"tenants.linde.certificate"}
    assert "geheim" not in str(faults)


@pytest.mark.parametrize(
    ("key", "place", "word"),
    [
        ("azure_secret", f"{AZURE}/0123456789abcdef", "version"),
        ("azure_secret", AZURE.replace("https", "http"), "https://"),
        ("azure_secret", "https://user:geheim@practice.vault.azure.net/secrets/vecozo", "https://"),
        ("azure_secret", "https://practice.vault.azure.net/keys/vecozo", "secrets"),
        ("aws_secret", "vecozo", "ARN"),
        ("aws_secret", AWS.replace("secretsmanager", "ssm"), "ARN"),
    ],
    ids=str,
)
def test_a_place_in_a_vault_has_its_vendors_shape(tmp_path: Path, key: str, place: str, word: str) -> None:
    faults = _faults(tmp_path, tenants__linde__certificate={key: place})
    assert set(faults) == {f"tenants.linde.certificate.{key}"}
    assert word in faults[f"tenants.linde.certificate.{key}"]
    assert "geheim" not in str(faults)


def test_a_password_from_the_environment_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings(tmp_path, 443)
    file = tmp_path / "relay.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "password_file" not in line))
    monkeypatch.setenv("RELAY_TENANTS__LINDE__CERTIFICATE__PASSWORD", "s3cr3t-geheim")
    settings = read_settings(tmp_path)
    password = settings.tenants["linde"].certificate.password
    assert password is not None
    assert password.get_secret_value() == "s3cr3t-geheim"
    assert "s3cr3t" not in repr(settings) + str(settings) + str(settings.model_dump())


def test_a_client_bound_to_a_tenant_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    faults = _faults(tmp_path, clients__dynamics__tenants=["linde", "eik"])
    assert faults == {"clients.dynamics.tenants": "'eik' is not under [tenants]"}


def test_a_key_belongs_to_one_client_once(tmp_path: Path) -> None:
    key = {"id": "a" * 16, "digest": "sha256:" + "0" * 64}
    faults = _faults(
        tmp_path, clients__dynamics__api_keys=[key], clients__other__tenants=["linde"], clients__other__api_keys=[key]
    )
    assert set(faults) == {"clients.other.api_keys"}
    twice = _faults(tmp_path, clients__dynamics__api_keys=[key, key])
    assert set(twice) == {"clients.dynamics.api_keys"}


def test_one_identifier_with_two_digests_in_one_client_is_a_fault(tmp_path: Path) -> None:
    """Keys are looked up by identifier, so one of the two would silently be dead."""
    keys = [{"id": "a" * 16, "digest": "sha256:" + digit * 64} for digit in "01"]
    assert set(_faults(tmp_path, clients__dynamics__api_keys=keys)) == {"clients.dynamics.api_keys"}


def test_a_client_has_one_key_or_two_during_rotation(tmp_path: Path) -> None:
    keys = [{"id": "a" * 16, "digest": "sha256:" + "0" * 64}] * 3
    assert "clients.dynamics.api_keys" in _faults(tmp_path, clients__dynamics__api_keys=keys)


def test_a_client_needs_a_key_or_a_certificate(tmp_path: Path) -> None:
    assert set(_faults(tmp_path, clients__dynamics__api_keys=[])) == {"clients.dynamics"}
    certificates = [{"fingerprint": "0" * 64}]
    settings = _read(tmp_path, clients__dynamics__api_keys=[], clients__dynamics__certificates=certificates)
    assert settings.asks_for_certificates
    assert not _read(tmp_path).asks_for_certificates


@pytest.mark.parametrize(
    "written",
    [
        "AB" * 32,
        ":".join(["AB"] * 32),
        "sha256:" + "ab" * 32,
        "ab" * 32,
        f"sha256 Fingerprint={':'.join(['AB'] * 32)}",
        f"SHA256 Fingerprint={':'.join(['AB'] * 32)}",
    ],
    ids=["upper", "openssl", "ours", "=", "whole line of openssl", "whole line of openssl 1.1"],
)
def test_a_fingerprint_is_taken_as_tools_print_it(tmp_path: Path, written: str) -> None:
    settings = _read(tmp_path, clients__dynamics__certificates=[{"fingerprint": written}])
    assert settings.clients["dynamics"].certificates[0].fingerprint == "ab" * 32


@pytest.mark.parametrize(
    "written", ["ab" * 20, "", "ab" * 31 + "zz", "ab" * 33], ids=["SHA-1", "empty", "no hex", "long"]
)
def test_what_is_no_sha_256_is_told_with_how_to_get_one(tmp_path: Path, written: str) -> None:
    [(key, fault)] = _faults(tmp_path, clients__dynamics__certificates=[{"fingerprint": written}]).items()
    assert key == "clients.dynamics.certificates.0.fingerprint"
    assert "openssl x509" in fault


def test_a_subject_is_taken_as_openssl_prints_it_and_never_an_empty_one(tmp_path: Path) -> None:
    def written(subject: str) -> dict[str, object]:
        return {"clients__dynamics__certificates": [{"subject": subject}], "listen__client_authorities": "ca.pem"}

    (tmp_path / "ca.pem").touch()
    for subject in ("CN=a,O=Us", "subject=CN=a,O=Us"):
        assert _read(tmp_path, **written(subject)).clients["dynamics"].certificates[0].subject == "CN=a,O=Us"
    for subject in ("", " ", "subject="):
        assert set(_faults(tmp_path, **written(subject))) == {"clients.dynamics.certificates.0.subject"}


@pytest.mark.parametrize("certificate", [{}, {"fingerprint": "ab" * 32, "subject": "CN=a"}], ids=["neither", "both"])
def test_a_certificate_is_told_by_fingerprint_or_by_subject(tmp_path: Path, certificate: dict[str, str]) -> None:
    faults = _faults(tmp_path, clients__dynamics__certificates=[certificate])
    assert set(faults) == {"clients.dynamics.certificates.0"}


def test_a_subject_and_revocations_need_authorities(tmp_path: Path) -> None:
    faults = _faults(
        tmp_path, clients__dynamics__certificates=[{"subject": "CN=a"}], listen__client_revocations="list.crl"
    )
    assert set(faults) == {"clients.dynamics.certificates", "listen.client_revocations"}


def test_a_certificate_pinned_twice_is_a_fault(tmp_path: Path) -> None:
    pin = {"fingerprint": "ab" * 32}
    faults = _faults(
        tmp_path,
        clients__dynamics__certificates=[pin],
        clients__other__tenants=["linde"],
        clients__other__certificates=[{"fingerprint": "AB" * 32}],
    )
    assert set(faults) == {"clients.other.certificates"}
    assert set(_faults(tmp_path, clients__dynamics__certificates=[pin, pin])) == {"clients.dynamics.certificates"}


@pytest.mark.parametrize("digest", ["", "0" * 64, "sha256:" + "G" * 64, "sha256:" + "0" * 63, "rk_the_key_itself"])
def test_a_digest_is_a_digest(tmp_path: Path, digest: str) -> None:
    faults = _faults(tmp_path, clients__dynamics__api_keys=[{"id": "a" * 16, "digest": digest}])
    assert set(faults) == {"clients.dynamics.api_keys.0.digest"}
    assert "`relay client new`" in faults["clients.dynamics.api_keys.0.digest"]
    assert "itself" not in str(faults)


@pytest.mark.parametrize("name", ["Linde", "-linde", "linde!", "l" * 64, ""])
def test_names_fit_labels_and_logs(tmp_path: Path, name: str) -> None:
    assert list(_faults(tmp_path, pseudonym=name)) == ["pseudonym"]


def test_a_nat_gateways_address_is_the_one_to_register(tmp_path: Path) -> None:
    key = "tenants.linde.egress.public_address"
    write_settings(tmp_path, 443, changes={key: "192.0.2.10"})
    [egress] = read_settings(tmp_path).tenants["linde"].egress
    assert (str(egress.source_address), str(egress.seen_as)) == ("127.0.0.9", "192.0.2.10")


FIRST, SECOND = {"source_address": "127.0.0.9"}, {"source_address": "127.0.0.10", "public_address": "192.0.2.10"}


def test_egresses_are_one_table_or_a_list_of_them_in_order(tmp_path: Path) -> None:
    egresses = _read(tmp_path, tenants__linde__egress=FIRST).tenants["linde"].egress
    assert [str(each.seen_as) for each in egresses] == ["127.0.0.9"]
    egresses = _read(tmp_path, tenants__linde__egress=[SECOND, FIRST]).tenants["linde"].egress
    assert [str(each.seen_as) for each in egresses] == ["192.0.2.10", "127.0.0.9"]


def test_the_environment_sets_an_egress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings(tmp_path, 443)
    monkeypatch.setenv("RELAY_TENANTS__LINDE__EGRESS__PUBLIC_ADDRESS", "192.0.2.77")
    [egress] = read_settings(tmp_path).tenants["linde"].egress
    assert (str(egress.source_address), str(egress.seen_as)) == ("127.0.0.9", "192.0.2.77")


@pytest.mark.parametrize(
    ("egress", "key"),
    [
        ([], "tenants.linde.egress"),
        ({}, "tenants.linde.egress.source_address"),
        ([FIRST, {"source_address": "x"}], "tenants.linde.egress.1.source_address"),
        ([FIRST, FIRST | {"public_address": "192.0.2.10"}], "tenants.linde"),
        ([FIRST | {"public_address": "192.0.2.10"}, SECOND], "tenants.linde"),
        ("127.0.0.9", "tenants.linde.egress"),
    ],
)
def test_wrong_egresses_are_told_by_their_keys(tmp_path: Path, egress: object, key: str) -> None:
    assert list(_faults(tmp_path, tenants__linde__egress=egress)) == [key]


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://", "https://u:p@a.example/", "https://a.example/#x", "https://a.example:99999/",
     "https://a.example/ x", "https://a.example/\u00e9", "a.example"],
)  # fmt: skip
def test_a_witness_is_a_plain_url_over_tls(tmp_path: Path, url: str) -> None:
    assert list(_faults(tmp_path, egress_proof__witnesses=[{"url": url}])) == ["egress_proof.witnesses.0.url"]


def test_nobody_is_asked_unless_told_and_a_difference_is_refused(tmp_path: Path) -> None:
    proof = _read(tmp_path).egress_proof
    assert (proof.witnesses, proof.on_difference) == ((), "refuse")
    told = _read(tmp_path, egress_proof__witnesses=[{"url": "https://a.example/ip?format=json&key=x"}])
    assert [witness.gate for witness in told.egress_proof.witnesses] == [False]


PERSON = {"file": "person.p12", "password_file": "password"}


@pytest.mark.parametrize("url", ["http://a.example", "https://a.example/v1", "https://u@a.example", "https://a:99999"])
def test_a_registry_is_a_plain_place_over_tls(tmp_path: Path, url: str) -> None:
    registry = {"url": url, "persons": {"linde": PERSON}}
    assert list(_faults(tmp_path, egress_proof__registry=registry)) == ["egress_proof.registry.url"]


def test_a_registry_is_asked_as_somebody_and_for_tenants_that_are_there(tmp_path: Path) -> None:
    def faults(persons: dict[str, object], **more: object) -> list[str]:
        return list(_faults(tmp_path, egress_proof__registry={"url": "https://a.example", "persons": persons}, **more))

    assert faults({}) == ["egress_proof.registry.persons"]
    assert faults({"eik": PERSON}) == ["egress_proof.registry.persons.eik"]
    assert faults({"linde": PERSON | {"password": "x"}}) == ["egress_proof.registry.persons.linde"]


def test_of_a_tenant_whose_party_registers_the_registry_is_not_asked(tmp_path: Path) -> None:
    """The party's addresses count, and are in another list: an answer would be wrong."""
    card = {"registration": "party", "party": {"name": "Voorbeeld Software"}}
    registry = {"url": "https://a.example", "persons": {"linde": PERSON}}
    told = _faults(tmp_path, egress_proof__registry=registry, tenants__linde__card=card)
    assert list(told) == ["egress_proof.registry.persons.linde"]


def test_the_relay_answers_before_its_callers_give_up(tmp_path: Path) -> None:
    """Flow and the plug-ins' sandbox wait 120 seconds; Azure's NAT forgets a connection after 240."""
    deadlines = _read(tmp_path).deadlines
    assert deadlines.first_byte < deadlines.total < 120
    assert deadlines.connect + deadlines.tls < deadlines.total
    assert deadlines.idle < 240


def test_the_operators_port_is_for_this_machine_unless_told(tmp_path: Path) -> None:
    assert _read(tmp_path).operator.address.is_loopback


def test_calls_leave_from_one_address_and_not_from_any(tmp_path: Path) -> None:
    faults = _faults(tmp_path, tenants__linde__egress__source_address="0.0.0.0")
    assert "ip -4 address" in faults["tenants.linde.egress.source_address"]


@pytest.mark.parametrize("workers", [0, 65, "two"])
def test_workers_are_a_number_from_1_to_64(tmp_path: Path, workers: object) -> None:
    assert _read(tmp_path).workers == 1
    assert list(_faults(tmp_path, workers=workers)) == ["workers"]


def test_nobody_tells_who_calls_unless_the_settings_say_so(tmp_path: Path) -> None:
    listen = _read(tmp_path).listen
    assert (listen.proxy_protocol_from, listen.max_connections, listen.max_connections_per_address) == ((), 10000, None)
    assert listen.forwarded_from == ()


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("10.0.0.1/24", "host bits"),
        ("0.0.0.0/0", "almost anybody"),
        ("128.0.0.0/1", "almost anybody"),
        ("2001:db8::/64", "IPv4"),
        ("balancer", "IPv4"),
    ],
)
def test_load_balancers_are_ipv4_ranges_as_they_are_and_no_open_door(tmp_path: Path, network: str, why: str) -> None:
    [(key, fault)] = _faults(tmp_path, listen__proxy_protocol_from=["10.0.0.0/24", network]).items()
    assert key == "listen.proxy_protocol_from.1"
    assert why in fault


def test_one_load_balancer_may_be_given_by_its_address(tmp_path: Path) -> None:
    listen = _read(tmp_path, listen__proxy_protocol_from=["10.0.0.7", "10.1.0.0/16"]).listen
    assert [str(network) for network in listen.proxy_protocol_from] == ["10.0.0.7/32", "10.1.0.0/16"]


@pytest.mark.parametrize("cap", ["max_connections", "max_connections_per_address"])
def test_a_cap_lets_at_least_one_in(tmp_path: Path, cap: str) -> None:
    assert set(_faults(tmp_path, **{f"listen__{cap}": 0})) == {f"listen.{cap}"}


def _reading(**changes: object) -> list[dict[str, object]]:
    return [{"status": 403, "cause": "address_or_blocked", "reason": "No", **changes}]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"status": 200}, "status"),
        ({"cause": "bad luck"}, "cause"),
        ({"families": ["fax"]}, "families.0"),
        ({"reason": "x" * 201}, "reason"),
        ({"body": ""}, "body"),
        ({"body": "x" * 201}, "body"),
        ({"body": "a\tb"}, "body"),
        ({"header": {"name": "X Y", "contains": "z"}}, "header.name"),
        ({"header": {"name": "X"}}, "header.contains"),
        ({"pattern": "(a+)+$"}, "pattern"),
    ],
)
def test_a_reading_of_refusals_that_cannot_be_meant_is_told_by_its_key(
    tmp_path: Path, change: dict[str, object], key: str
) -> None:
    assert set(_faults(tmp_path, refusals=_reading(**change))) == {f"refusals.0.{key}"}


def test_a_reading_that_would_stop_calls_at_every_answer_of_a_status_is_refused(tmp_path: Path) -> None:
    assert set(_faults(tmp_path, refusals=[{"status": 403, "cause": "quota"}])) == {"refusals.0"}
    assert _read(tmp_path, refusals=[{"status": 422, "cause": "functional"}]).refusals[0].status == 422


@pytest.mark.parametrize("field", ["", "X Key", "X_Key", "Content-Type", "authorization", "X" * 65])
def test_a_field_that_no_call_can_have_for_itself_is_none_for_a_key(tmp_path: Path, field: str) -> None:
    """Such as one with an underscore: a head that has it is refused."""
    assert set(_faults(tmp_path, clients__dynamics__idempotency_field=field)) == {"clients.dynamics.idempotency_field"}


def test_a_field_of_an_answer_may_have_an_underscore(tmp_path: Path) -> None:
    header = {"name": "X_Gateway", "contains": "edge"}
    assert _read(tmp_path, refusals=_reading(header=header)).refusals[0].header is not None


def test_readings_of_refusals_are_a_bounded_number(tmp_path: Path) -> None:
    assert set(_faults(tmp_path, refusals=_reading() * 33)) == {"refusals"}


_MAIL = {"mail__host": "smtp.beheer.example", "mail__sender": "relay@beheer.example"}


def test_nobody_is_mailed_unless_told_and_then_over_tls(tmp_path: Path) -> None:
    assert _read(tmp_path).mail is None
    mail = _read(tmp_path, **_MAIL).mail
    assert mail is not None
    assert (mail.tls, mail.port, mail.user, mail.trust) == ("starttls", None, None, None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1"])
def test_only_this_machines_mail_server_may_be_spoken_to_in_the_clear(tmp_path: Path, host: str) -> None:
    assert _read(tmp_path, mail__tls="none", **_MAIL | {"mail__host": host}).mail is not None
    assert list(_faults(tmp_path, mail__tls="none", **_MAIL)) == ["mail.tls"]


def test_every_fault_of_mail_is_told_with_its_key(tmp_path: Path) -> None:
    more = {
        "mail.host": "smtp.beheer.example:587",
        "mail.port": 0,
        "mail.tls": "maybe",
        "mail.sender": "Relay <a@b.nl>",
    }
    write_settings(tmp_path, 443, changes=more | {"mail.user": " "})
    with pytest.raises(SettingsFault) as raised:
        read_settings(tmp_path)
    assert dict(raised.value.faults).keys() == {"mail.host", "mail.port", "mail.tls", "mail.sender", "mail.user"}


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"mail__user": "relay"}, "mail.password_file"),
        ({"mail__user": "relay", "mail__password": "x", "mail__password_file": "password"}, "mail.password_file"),
        ({"mail__password_file": "password"}, "mail.user"),
        ({"mail__tls": "none", "mail__host": "localhost", "mail__trust": "trust.pem"}, "mail.trust"),
    ],
)
def test_who_logs_in_has_one_password_from_one_place(tmp_path: Path, more: dict[str, object], key: str) -> None:
    assert list(_faults(tmp_path, **_MAIL | more)) == [key]


def test_a_mail_password_from_the_environment_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_MAIL__PASSWORD", "zeer-geheim")
    settings = _read(tmp_path, mail__user="relay", **_MAIL)
    assert settings.mail is not None
    assert settings.mail.password is not None
    assert settings.mail.password.get_secret_value() == "zeer-geheim"
    assert "zeer-geheim" not in repr(settings)


_DIGEST = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43


@pytest.mark.parametrize(
    "digest",
    [
        "geheim",
        _DIGEST.replace("argon2id", "argon2i"),
        _DIGEST.replace("19456", "1024"),
        _DIGEST.replace("19456", "999999"),
        _DIGEST.replace("t=2", "t=99"),
        _DIGEST.replace("p=1", "p=0"),
        _DIGEST[:-30],
    ],
)
def test_passwords_are_digests_of_bounded_cost_and_never_repeated(tmp_path: Path, digest: str) -> None:
    [(key, fault)] = _faults(tmp_path, clients__dynamics__passwords=[{"user": "zorg", "digest": digest}]).items()
    assert key == "clients.dynamics.passwords.0.digest"
    assert digest not in fault


def test_a_user_belongs_to_one_client_once_and_has_no_colon(tmp_path: Path) -> None:
    twice = [{"user": "zorg", "digest": _DIGEST}, {"user": "zorg", "digest": _DIGEST}]
    assert "'dynamics'" in _faults(tmp_path, clients__dynamics__passwords=twice)["clients.dynamics.passwords"]
    colon = [{"user": "zo:rg", "digest": _DIGEST}]
    assert list(_faults(tmp_path, clients__dynamics__passwords=colon)) == ["clients.dynamics.passwords.0.user"]


def test_what_is_required_has_to_be_there(tmp_path: Path) -> None:
    faults = _faults(tmp_path, clients__dynamics__requires=["api_key", "basic", "client_certificate"])
    assert "basic has no passwords, client_certificate has no certificates" in faults["clients.dynamics"]
    assert list(_faults(tmp_path, clients__dynamics__requires=["iris_scan"])) == ["clients.dynamics.requires.0"]
    assert _read(tmp_path, clients__dynamics__requires=["api_key"]).clients["dynamics"].requires == ("api_key",)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("20.50.0.1/16", "20.50.0.0/16"),
        ("0.0.0.0/0", "leave sources out"),
        ("2001:db8::/32", "IPv4"),
        ("PowerPlatformPlex", "azure:PowerPlatformPlex"),
        ("azure:", "azure:PowerPlatformPlex"),
    ],
)
def test_sources_are_ranges_or_tags(tmp_path: Path, source: str, why: str) -> None:
    [(key, fault)] = _faults(tmp_path, clients__dynamics__sources=["20.50.0.0/16", source]).items()
    assert key == "clients.dynamics.sources.1"
    assert why in fault


def test_tags_need_their_file(tmp_path: Path) -> None:
    faults = _faults(tmp_path, clients__dynamics__sources=["azure:PowerPlatformPlex.WestEurope"])
    assert "sources.azure_service_tags" in faults["clients.dynamics.sources"]


def test_balancers_tell_who_calls_in_one_way(tmp_path: Path) -> None:
    faults = _faults(tmp_path, listen__proxy_protocol_from=["10.0.0.1"], listen__forwarded_from=["10.0.0.2"])
    assert list(faults) == ["listen.forwarded_from"]


@pytest.mark.parametrize(
    "name",
    ["Authorization", "cookie", "Host", "Connection", "Transfer-Encoding", "Content-Length", "TE", "X-Relay-Key",
     "X-Forwarded-Key", "SOAPAction", "Signature", "api_key", "a b", ""],
)  # fmt: skip
def test_keys_come_in_a_field_that_means_nothing_else(tmp_path: Path, name: str) -> None:
    assert set(_faults(tmp_path, listen__key_field=name)) == {"listen.key_field"}
    assert _read(tmp_path, listen__key_field="Api-Key").listen.key_field == "Api-Key"


def test_one_field_is_not_for_api_keys_and_for_keys_of_calls(tmp_path: Path) -> None:
    faults = _faults(tmp_path, listen__key_field="My-Key", clients__dynamics__idempotency_field="my-key")
    assert set(faults) == {"clients.dynamics.idempotency_field"}


@pytest.mark.parametrize("expires", ["2027-01-31", "2027-01-31T06:00:00", "soon"])
def test_a_key_expires_at_a_moment_with_its_zone(tmp_path: Path, expires: str) -> None:
    key = {"id": "a" * 16, "digest": "sha256:" + "0" * 64}
    faults = _faults(tmp_path, clients__dynamics__api_keys=[key | {"expires": expires}])
    assert set(faults) == {"clients.dynamics.api_keys.0.expires"}
    settings = _read(tmp_path, clients__dynamics__api_keys=[key | {"expires": "2027-01-31T06:00:00+01:00"}])
    assert settings.clients["dynamics"].api_keys[0].expires == datetime(2027, 1, 31, 5, tzinfo=UTC)


# -- directories and tokens ----------------------------------------------------------------------------------

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ENTRA: dict[str, object] = {"tenant_id": GUID, "audiences": [GUID]}
GRANT: dict[str, object] = {"directory": "entra", "application": GUID, "role": "Relay.Call"}


def test_tokens_alone_are_proof_enough(tmp_path: Path) -> None:
    settings = _read(
        tmp_path,
        directories__entra=ENTRA | {"tenant_id": GUID.upper()},
        clients__dynamics__api_keys=[],
        clients__dynamics__tokens=[GRANT],
    )
    assert settings.directories["entra"].tenant_id == GUID


@pytest.mark.parametrize(
    ("directory", "key"),
    [
        ({"audiences": [GUID]}, "directories.entra"),
        (ENTRA | {"issuer": "https://issuer.example"}, "directories.entra"),
        (ENTRA | {"algorithms": ["RS256"]}, "directories.entra"),
        (ENTRA | {"application_claim": "sub"}, "directories.entra"),
        (ENTRA | {"audiences": []}, "directories.entra.audiences"),
        (ENTRA | {"audiences": ["a b"]}, "directories.entra.audiences.0"),
        (ENTRA | {"tenant_id": "contoso.onmicrosoft.com"}, "directories.entra.tenant_id"),
        (ENTRA | {"keys_url": "http://issuer.example/keys"}, "directories.entra.keys_url"),
        ({"issuer": "http://issuer.example", "audiences": ["a"]}, "directories.entra.issuer"),
        ({"issuer": "https://a.example", "audiences": ["a"], "algorithms": []}, "directories.entra.algorithms"),
        (
            {"issuer": "https://a.example", "audiences": ["a"], "algorithms": ["HS256"]},
            "directories.entra.algorithms.0",
        ),
        ({"issuer": "https://a.example", "audiences": ["a"], "algorithms": ["none"]}, "directories.entra.algorithms.0"),
    ],
)
def test_a_directory_that_could_let_in_others_is_a_fault(
    tmp_path: Path, directory: dict[str, object], key: str
) -> None:
    assert set(_faults(tmp_path, directories__entra=directory)) == {key}


def test_a_directory_is_given_once(tmp_path: Path) -> None:
    assert set(_faults(tmp_path, directories__entra=ENTRA, directories__other=ENTRA)) == {"directories.other.tenant_id"}


@pytest.mark.parametrize(
    ("grant", "leaf"),
    [
        ({"role": None}, ""),
        ({"granted": True}, ""),
        ({"directory": "elsewhere"}, ".directory"),
        ({"application": "Dynamics"}, ".application"),
        ({"application": GUID.upper()}, ".application"),
        ({"until": "2027-01-01T00:00:00"}, ".until"),
    ],
)
def test_a_grant_that_could_let_in_others_or_nobody_is_a_fault(
    tmp_path: Path, grant: dict[str, object], leaf: str
) -> None:
    told = {name: value for name, value in (GRANT | grant).items() if value is not None}
    faults = _faults(tmp_path, directories__entra=ENTRA, clients__dynamics__tokens=[told])
    assert set(faults) == {f"clients.dynamics.tokens.0{leaf}"}


def test_a_token_is_of_one_client(tmp_path: Path) -> None:
    faults = _faults(
        tmp_path,
        directories__entra=ENTRA,
        clients__dynamics__tokens=[GRANT, GRANT | {"role": "Other"}],
        clients__other={"tenants": ["linde"], "tokens": [GRANT | {"role": "Third"}]},
    )
    assert set(faults) == {"clients.other.tokens.0.application"}


@pytest.mark.parametrize(
    "url",
    [
        "rediss://valkey.example.internal:6379/0",
        "rediss://10.0.0.4",
        "redis://127.0.0.1:6379/1",
        "redis://localhost",
    ],
)
def test_what_several_relays_share_is_asked_over_tls_or_on_this_machine(tmp_path: Path, url: str) -> None:
    shared = _read(tmp_path, shared__url=url).shared
    assert shared is not None
    assert shared.url == url


@pytest.mark.parametrize(
    ("shared", "key"),
    [
        ({"url": "redis://valkey.example.internal/0"}, "shared.url"),
        ({"url": "redis://127.0.0.1.example.com/0"}, "shared.url"),
        ({"url": "rediss://:geheim@valkey.example.internal/0"}, "shared.url"),
        ({"url": "rediss://valkey.example.internal/0?password=geheim"}, "shared.url"),
        ({"url": "rediss://valkey.example.internal:70000/0"}, "shared.url"),
        ({"url": "https://valkey.example.internal"}, "shared.url"),
        ({"url": "redis://localhost", "trust": "trust.pem"}, "shared"),
        ({"url": "redis://localhost", "password": "a", "password_file": "password"}, "shared"),
        ({"password": "a"}, "shared.url"),
    ],
)
def test_a_server_that_relays_cannot_share_is_a_fault(tmp_path: Path, shared: dict[str, object], key: str) -> None:
    faults = _faults(tmp_path, shared=shared)
    assert set(faults) == {key}
    assert "geheim" not in str(faults)
