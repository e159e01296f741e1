"""The insurance check over HTTP: the right version, action and method, or a Fault or status that says so."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from relay.enforcer.services.cov.service import ENDPOINTS, FAULT_NAMESPACE, cov_routes
from relay.registry.domain.rules import Acting
from relay.soap.recognise import SoapVersion
from tests.kit.cov import TODAY, headers, query, question

Client = TestClient[web.Request, web.Application]
PATHS = {version: f"/tst/cov/vz801802/v1/soap{version.replace('.', '')}" for version in SoapVersion}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(cov_routes(lambda: date.fromisoformat(TODAY), lambda _request, _named: Acting.FOR_ITSELF))
    async with TestClient(TestServer(app)) as client:
        yield client


def fault_code(body: bytes) -> str | None:
    return etree.fromstring(body).findtext(f".//{{{FAULT_NAMESPACE}}}code")


def test_every_environment_of_the_gateway_has_both_versions() -> None:
    assert set(ENDPOINTS) == {
        f"{environment}/cov/vz801802/v1/{name}" for environment in ("", "/acc", "/tst") for name in ("soap11", "soap12")
    }


@pytest.mark.parametrize("version", SoapVersion)
async def test_the_test_person_is_found_in_both_versions(client: Client, version: SoapVersion) -> None:
    answer = await client.post(PATHS[version], data=question(version=version), headers=headers(version))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == version.content_type
    body = await answer.read()
    assert etree.fromstring(body).tag == f"{{{version.envelope}}}Envelope"
    assert b"<typ:UZOVI>3000</typ:UZOVI>" in body


@pytest.mark.parametrize("version", SoapVersion)
async def test_a_bad_query_is_a_fault_of_the_callers_version_under_500(client: Client, version: SoapVersion) -> None:
    body = question(query(Peildatum="vandaag"), version=version)
    answer = await client.post(PATHS[version], data=body, headers=headers(version))
    assert answer.status == 500
    assert answer.headers["Content-Type"] == version.content_type
    body = await answer.read()
    assert etree.fromstring(body).find(f".//{{{version.envelope}}}Fault") is not None
    assert fault_code(body) == "not_a_date"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SOAPAction": "urn:other"}, "action_not_supported"),
        ({"SOAPAction": '""'}, "action_not_supported"),
        ({"Content-Type": "application/json"}, "content_type"),
        (headers(SoapVersion.V1_2), "content_type"),
    ],
)
async def test_another_action_or_content_type_is_a_fault(client: Client, changed: dict[str, str], code: str) -> None:
    answer = await client.post(PATHS[SoapVersion.V1_1], data=question(), headers=headers() | changed)
    assert (answer.status, fault_code(await answer.read())) == (500, code)


@pytest.mark.parametrize("asked", ["wsdl", "WSDL", "singleWsdl"])
async def test_the_description_sends_callers_to_the_url_that_was_asked(client: Client, asked: str) -> None:
    path = PATHS[SoapVersion.V1_2]
    answer = await client.get(f"{path}?{asked}")
    assert answer.status == 200
    assert answer.content_type == "text/xml"
    assert f'location="https://{client.host}:{client.port}{path}"' in await answer.text()


async def test_a_malformed_host_gets_no_description(client: Client) -> None:
    answer = await client.get(f"{PATHS[SoapVersion.V1_1]}?wsdl", headers={"Host": "user@gate.example"})
    assert answer.status == 400


async def test_asking_without_a_question_is_not_allowed(client: Client) -> None:
    answer = await client.get(PATHS[SoapVersion.V1_1])
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
