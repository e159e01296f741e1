"""What the settings say of what a client may do: every fault under its key."""

from pathlib import Path

import pytest

from relay.compose.relay.build import callers_of
from relay.compose.relay.callers import BuiltCallers
from relay.errors import SettingsFault
from tests.kit.relay import read_settings, write_settings


def _callers(folder: Path) -> BuiltCallers:
    settings = read_settings(folder)
    return callers_of(settings, settings.clients)


def _faults(folder: Path, policy: dict[str, object], **changes: object) -> dict[str, str]:
    write_settings(folder, 443, changes={"clients.dynamics.policy": policy} | changes)
    with pytest.raises(SettingsFault) as raised:
        _callers(folder)
    return dict(raised.value.faults)


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ({"mode": "off"}, "mode"),
        ({"environments": ["prod"]}, "environments.0"),
        ({"environments": []}, "environments"),
        ({"routes": []}, "routes"),
        ({"routes": ["covv"]}, "routes"),
        ({"routes": ["iwlz"]}, "routes"),
        ({"methods": []}, "methods"),
        ({"methods": ["post"]}, "methods.0"),
        ({"methods": ["TRACE"]}, "methods.0"),
        ({"content_types": []}, "content_types"),
        ({"content_types": ["text/xml; charset=utf-8"]}, "content_types.0"),
        ({"hours": []}, "hours"),
        ({"hours": ["mon-fri 7:00-19:00"]}, "hours.0"),
        ({"hours": ["mon-fri 07:00-24:01"]}, "hours.0"),
        ({"hours": ["mon-fri 07:00-07:00"]}, "hours.0"),
        ({"hours": ["ma 07:00-19:00"]}, "hours.0"),
        ({"hours": ["mon 07:00-19:00"], "time_zone": "Europe/Utrecht"}, ""),
        ({"hours": ["mon 07:00-19:00"], "time_zone": "../etc"}, ""),
        ({"dataverse_field": "X-Environment"}, ""),
        ({"dataverse_environments": ["a"]}, ""),
        ({"dataverse_field": "X_Environment", "dataverse_environments": ["a"]}, "dataverse_field"),
        ({"dataverse_field": "X-Environment", "dataverse_environments": []}, "dataverse_environments"),
        ({"max_body": -1}, "max_body"),
        ({"max_body": 40 * 1024 * 1024 + 1}, "max_body"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_fault_is_told_under_its_key(tmp_path: Path, policy: dict[str, object], key: str) -> None:
    assert set(_faults(tmp_path, policy)) == {f"clients.dynamics.policy.{key}".rstrip(".")}


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"hours": ["mon 00:00-24:00", "fri-sun 22:00-06:00"], "time_zone": "Europe/London"},
        {"routes": ["cov", "soap"], "max_body": 0},
        {"dataverse_field": "X-Ms-Dynamics-Organization", "dataverse_environments": ["org.crm4.dynamics.com", "{a}"]},
    ],
)
def test_what_is_in_order_is_taken(tmp_path: Path, policy: dict[str, object]) -> None:
    write_settings(tmp_path, 443, changes={"clients.dynamics.policy": policy})
    assert set(_callers(tmp_path).policies) == {"dynamics"}


def test_a_client_without_a_policy_has_none(tmp_path: Path) -> None:
    write_settings(tmp_path, 443)
    assert _callers(tmp_path).policies == {}


def test_no_route_begins_where_paths_name_tenants(tmp_path: Path) -> None:
    routes = [{"name": "x", "prefix": prefix, "upstream": "https://a.example"} for prefix in ("/t/x", "/t", "/tst")]
    write_settings(tmp_path, 443, changes={"tenants.linde.routes": routes})
    with pytest.raises(SettingsFault) as raised:
        read_settings(tmp_path)
    keys = {key for key, _ in raised.value.faults}
    assert keys >= {"tenants.linde.routes.0.prefix", "tenants.linde.routes.1.prefix"}
    assert "tenants.linde.routes.2.prefix" not in keys
