"""The book: organisations, contact persons, certificates and registrations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, and the book's first version."""
    book = op.create_table(
        "book",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_book"),
        sa.CheckConstraint("id = 1", name="ck_book_only_one"),
    )
    op.bulk_insert(book, [{"id": 1, "version": 0}])
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("agb_code", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("agb_code", name="uq_organisations_agb_code"),
    )
    _people()
    _certificates()
    _registrations()


def _people() -> None:
    op.create_table(
        "contact_persons",
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("organisation", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("user_number", name="pk_contact_persons"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_contact_persons_organisation"),
    )
    op.create_index("ix_contact_persons_organisation", "contact_persons", ["organisation"])


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("organisation", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("environment", sa.String(20), nullable=True),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("not_after", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_certificates"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_certificates_organisation"),
        sa.CheckConstraint(
            "(kind = 'system' AND environment IS NOT NULL) OR (kind = 'personal' AND environment IS NULL)",
            name="ck_certificates_kind",
        ),
    )
    op.create_index("ix_certificates_user_number", "certificates", ["user_number"])


def _registrations() -> None:
    op.create_table(
        "registrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("registered_by", sa.String(14), nullable=False),
        sa.Column("registered_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registrations"),
        sa.UniqueConstraint("user_number", "first", "last", name="uq_registrations_range"),
        sa.CheckConstraint("first >= 0 AND first <= last AND last <= 4294967295", name="ck_registrations_ipv4"),
    )
