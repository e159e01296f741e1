"""Which tenant a call is for."""

import pytest

from relay.auth.caller import Caller
from relay.errors import TenantRefused, TenantUnclear
from relay.tenant.directory import Directory, Tenant, prefix_of, tenant_in
from relay.tenant.routing import RouteTable

LINDE, BERK, EIK = (Tenant(name, RouteTable([])) for name in ("linde", "berk", "eik"))
DIRECTORY = Directory({tenant.name: tenant for tenant in (LINDE, BERK, EIK)})


def _caller(*tenants: str) -> Caller:
    return Caller("dynamics", frozenset(tenants), "api_key")


def test_a_client_of_one_tenant_need_not_name_it() -> None:
    assert DIRECTORY.tenant_for(_caller("linde"), None) is LINDE


def test_a_client_of_several_tenants_has_to_name_one() -> None:
    with pytest.raises(TenantUnclear):
        DIRECTORY.tenant_for(_caller("linde", "berk"), None)
    assert DIRECTORY.tenant_for(_caller("linde", "berk"), b"berk") is BERK


@pytest.mark.parametrize("named", [b"eik", b"nobody", b"", b"LINDE", b"linde ", b"\xff"])
def test_a_tenant_that_the_client_is_not_bound_to_is_refused_alike_whether_it_exists_or_not(named: bytes) -> None:
    with pytest.raises(TenantRefused) as refused:
        DIRECTORY.tenant_for(_caller("linde", "berk"), named)
    assert refused.value.detail == "this client is not bound to the tenant that X-Relay-Tenant names"


@pytest.mark.parametrize(
    ("path", "tenant"),
    [
        (b"/t/linde/acc/cov", b"linde"),
        (b"/t/linde", b"linde"),
        (b"/t/li%6ede/acc", b"li%6ede"),
        (b"/t/linde;x/acc", b"linde;x"),
        (b"/t/", b""),
        (b"/t", None),
        (b"/tst/cov", None),
        (b"/T/linde/cov", None),
        (b"/acc/t/linde", None),
    ],
)
def test_a_path_names_a_tenant_in_the_octets_that_stand_there(path: bytes, tenant: bytes | None) -> None:
    assert tenant_in(path) == tenant
    assert tenant is None or path.startswith(prefix_of(tenant))


def test_a_client_of_no_tenant_gets_nowhere() -> None:
    with pytest.raises(TenantUnclear):
        DIRECTORY.tenant_for(_caller(), None)
