"""Orders about certificates: written whole, read back, and never believed when they are something else."""

from pathlib import Path

import pytest

from relay.upstream.orders import OrdersFault, OrdersFile
from relay.upstream.rotation import Generation, Order

BACK, OVER = Order(Generation.CURRENT, "ab"), Order(Generation.NEXT, "cd")


def test_no_file_orders_nothing(tmp_path: Path) -> None:
    assert OrdersFile(tmp_path / "orders").read() == {}


def test_each_way_has_its_last_order_and_others_keep_theirs(tmp_path: Path) -> None:
    file = OrdersFile(tmp_path / "orders")
    before = file.stamp()
    file.add("linde", OVER)
    file.add("linde/iwlz", OVER)
    file.add("linde", BACK)
    assert file.read() == {"linde": BACK, "linde/iwlz": OVER}
    assert file.stamp() != before
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]
    assert file.path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", ["", "half of", "[]", '{"linde": 1}', '{"linde": {"use": "other", "next": "ab"}}'])
def test_what_is_no_order_is_told_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "orders").write_text(text)
    with pytest.raises(OrdersFault, match="relay certificate rollback"):
        OrdersFile(tmp_path / "orders").read()


def test_a_place_that_cannot_be_written_is_told_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(OrdersFault, match="as state"):
        OrdersFile(tmp_path / "nowhere" / "orders").add("linde", BACK)
    with pytest.raises(OrdersFault, match="cannot be read"):
        OrdersFile(tmp_path).read()
