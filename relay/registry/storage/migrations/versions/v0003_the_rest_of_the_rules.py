"""Enterprises, Support, end dates, consents, authorisations, blocks and deferrals; and what happened, by version."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SERVICES = ("cov", "claims", "messages", "iwlz")


def upgrade() -> None:
    """Make the tables, and let whoever was in the book go on as before: collected, and authorised for everything."""
    _enterprises()
    for name in ("registrations", "party_addresses"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("until", sa.DateTime()))
    with op.batch_alter_table("certificates") as certificates:
        certificates.add_column(sa.Column("collected_at", sa.DateTime()))
    op.execute("UPDATE certificates SET collected_at = not_before")
    _mandates()
    op.create_table(
        "events",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_events"),
    )


def _enterprises() -> None:
    op.create_table(
        "enterprises",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enterprises"),
    )
    op.create_table(
        "main_contacts",
        sa.Column("enterprise", sa.String(63), nullable=False),
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("mail", sa.String(254)),
        sa.Column("language", sa.String(2), nullable=False),
        sa.PrimaryKeyConstraint("enterprise", name="pk_main_contacts"),
        sa.ForeignKeyConstraint(["enterprise"], ["enterprises.id"], name="fk_main_contacts_enterprise"),
    )
    with op.batch_alter_table("organisations") as organisations:
        organisations.add_column(sa.Column("enterprise", sa.String(63)))
        organisations.create_foreign_key("fk_organisations_enterprise", "enterprises", ["enterprise"], ["id"])
        organisations.drop_constraint("ck_organisations_role", type_="check")
        organisations.create_check_constraint(
            "ck_organisations_role",
            "(role = 'care_provider' AND agb_code IS NOT NULL)"
            " OR (role IN ('software_party', 'support') AND agb_code IS NULL)",
        )
    with op.batch_alter_table("contact_persons") as persons:
        persons.add_column(sa.Column("mail", sa.String(254)))
        persons.add_column(sa.Column("language", sa.String(2), nullable=False, server_default="nl"))
    with op.batch_alter_table("contact_persons") as persons:
        persons.alter_column("language", existing_type=sa.String(2), server_default=None)


def _mandates() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(63), nullable=False),
        sa.Column("party", sa.String(63), nullable=False),
        sa.Column("service", sa.String(20), nullable=False),
        sa.Column("given_by", sa.String(14), nullable=False),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(["provider"], ["organisations.id"], name="fk_consents_provider"),
        sa.ForeignKeyConstraint(["party"], ["organisations.id"], name="fk_consents_party"),
        sa.UniqueConstraint("provider", "party", "service", name="uq_consents_all"),
    )
    authorisations = op.create_table(
        "authorisations",
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("service", sa.String(20), nullable=False),
        sa.Column("authorised_by", sa.String(14)),
        sa.Column("authorised_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_number", "service", name="pk_authorisations"),
    )
    certificates = sa.table("certificates", sa.column("user_number"), sa.column("kind"), sa.column("not_before"))
    for service in _SERVICES:
        since = sa.select(certificates.c.user_number, sa.literal(service), sa.func.min(certificates.c.not_before))
        systems = since.where(certificates.c.kind == "system").group_by(certificates.c.user_number)
        op.execute(sa.insert(authorisations).from_select(["user_number", "service", "authorised_at"], systems))
    op.create_table(
        "blocks",
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("blocked_by", sa.String(14)),
        sa.Column("blocked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_number", name="pk_blocks"),
    )
    op.create_table(
        "deferrals",
        sa.Column("user_number", sa.String(14), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("deferred_by", sa.String(14), nullable=False),
        sa.Column("deferred_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_number", name="pk_deferrals"),
    )
