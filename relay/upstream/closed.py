"""A way out that is closed: its system certificate cannot be used, and whoever calls is told why."""

from relay.errors import SystemCertificateUnusable
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage


class Closed:
    """The `Upstream` of a way without a certificate that can be used: nothing is sent."""

    def __init__(self, egress: Egress, cause: str) -> None:
        """`cause` is why, in words for callers: no paths in them."""
        self._egress = egress
        self._cause = cause

    def __repr__(self) -> str:
        return f"<Closed: {self._cause}>"

    @property
    def egress(self) -> Egress:
        """The address that calls would leave from."""
        return self._egress

    @property
    def spare(self) -> bool:
        """No call goes out, and none again."""
        return False

    def other(self, refused: str) -> None:
        """There is nowhere else to send it from."""

    def send(self, passage: Passage) -> None:
        """Tell that nothing was sent, and why."""
        passage.failed(SystemCertificateUnusable(self._cause))
