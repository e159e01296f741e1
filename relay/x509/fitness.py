"""What a system certificate has to be for where it is meant to go: environments never mix. Pure."""

from dataclasses import dataclass
from typing import Final

from relay.x509.bundle import TEST_WORDS, BundleFault, bears
from relay.x509.identity import Identity
from relay.x509.mistake import MISTAKES, Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Where calls under the certificate go, and what tells that it belongs there.

    `test_words` in its names tell a certificate that is not for production: a guess. `fingerprints` know better: when
    there are any, exactly those certificates are fit, whatever their names.
    """

    production: bool = False
    test_words: frozenset[str] = TEST_WORDS
    fingerprints: frozenset[str] = frozenset()

    def mistake_with(self, identity: Identity) -> Mistake | None:
        """Return why this certificate does not belong there, or None."""
        if self.fingerprints:
            return None if identity.fingerprint in self.fingerprints else Mistake.NOT_LISTED
        return Mistake.TEST_IN_PRODUCTION if self.production and bears(identity, self.test_words) else None

    def judge(self, identity: Identity) -> None:
        """Raise `BundleFault` when this certificate does not belong there."""
        if mistake := self.mistake_with(identity):
            wording = MISTAKES[mistake]
            raise BundleFault(mistake, f"{wording.what} {wording.remedy}", identity=identity)


# What need not belong to any environment in particular.
ANYWHERE: Final = Fitness()
