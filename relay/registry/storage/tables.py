"""The book's tables as they are today; `migrations` tells how they came to be, and a test that both agree."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class Moment(TypeDecorator[datetime]):
    """A moment, kept in UTC: SQLite forgets time zones, so they are taken off and put back here and nowhere else."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take the zone off. A moment without one never gets here: the domain refuses it."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BOOK: Final = Table(
    "book",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

# What made the book what it is, since it has been kept: each change under the version that it made.
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
)

ENTERPRISES: Final = Table(
    "enterprises",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("name", String(200), nullable=False),
)

MAIN_CONTACTS: Final = Table(
    "main_contacts",
    METADATA,
    Column("enterprise", ForeignKey("enterprises.id"), primary_key=True),
    Column("user_number", String(14), nullable=False),
    Column("name", String(200), nullable=False),
    Column("mail", String(254)),
    Column("language", String(2), nullable=False),
)

ORGANISATIONS: Final = Table(
    "organisations",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("agb_code", String(8), unique=True),
    Column("role", String(20), nullable=False),
    Column("enterprise", ForeignKey("enterprises.id")),
    CheckConstraint(
        "(role = 'care_provider' AND agb_code IS NOT NULL)"
        " OR (role IN ('software_party', 'support') AND agb_code IS NULL)",
        name="role",
    ),
)

CONTACT_PERSONS: Final = Table(
    "contact_persons",
    METADATA,
    Column("user_number", String(14), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("organisation", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("mail", String(254)),
    Column("language", String(2), nullable=False),
)

CERTIFICATES: Final = Table(
    "certificates",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),
    Column("user_number", String(14), nullable=False, index=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("environment", String(20)),
    Column("not_before", Moment, nullable=False),
    Column("not_after", Moment, nullable=False),
    Column("collected_at", Moment),
    Column("revoked_at", Moment),
    CheckConstraint(
        "(kind = 'system' AND environment IS NOT NULL) OR (kind = 'personal' AND environment IS NULL)", name="kind"
    ),
)

REGISTRATIONS: Final = Table(
    "registrations",
    METADATA,
    # Grows with every registration: the order in which they were made.
    Column("id", Integer, primary_key=True),
    Column("user_number", String(14), nullable=False),
    # IPv4 addresses as numbers, so that a range is two comparisons.
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("registered_by", String(14), nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("until", Moment),
    CheckConstraint("first >= 0 AND first <= last AND last <= 4294967295", name="ipv4"),
    UniqueConstraint("user_number", "first", "last", name="uq_registrations_range"),
)

# What software parties registered for their customers.
PARTY_ADDRESSES: Final = Table(
    "party_addresses",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("party", ForeignKey("organisations.id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("registered_by", String(14), nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("until", Moment),
    CheckConstraint("first >= 0 AND first <= last AND last <= 4294967295", name="ipv4"),
    UniqueConstraint("party", "first", "last", name="uq_party_addresses_range"),
)

SELECTIONS: Final = Table(
    "selections",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("provider", ForeignKey("organisations.id"), nullable=False),
    Column("party", ForeignKey("organisations.id"), nullable=False),
    Column("selected_by", String(14), nullable=False),
    Column("selected_at", Moment, nullable=False),
    UniqueConstraint("provider", "party", name="uq_selections_both"),
)

CONSENTS: Final = Table(
    "consents",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("provider", ForeignKey("organisations.id"), nullable=False),
    Column("party", ForeignKey("organisations.id"), nullable=False),
    Column("service", String(20), nullable=False),
    Column("given_by", String(14), nullable=False),
    Column("given_at", Moment, nullable=False),
    UniqueConstraint("provider", "party", "service", name="uq_consents_all"),
)

AUTHORISATIONS: Final = Table(
    "authorisations",
    METADATA,
    Column("user_number", String(14), nullable=False),
    Column("service", String(20), nullable=False),
    Column("authorised_by", String(14)),
    Column("authorised_at", Moment, nullable=False),
    PrimaryKeyConstraint("user_number", "service"),
)

BLOCKS: Final = Table(
    "blocks",
    METADATA,
    Column("user_number", String(14), primary_key=True),
    Column("blocked_by", String(14)),
    Column("blocked_at", Moment, nullable=False),
)

DEFERRALS: Final = Table(
    "deferrals",
    METADATA,
    Column("user_number", String(14), primary_key=True),
    Column("until", Moment, nullable=False),
    Column("deferred_by", String(14), nullable=False),
    Column("deferred_at", Moment, nullable=False),
)
