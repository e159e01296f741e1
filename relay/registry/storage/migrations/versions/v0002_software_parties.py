"""Software parties: what they register for their customers, and which care providers ticked them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let organisations be software parties, and make the two tables."""
    with op.batch_alter_table("organisations") as organisations:
        organisations.alter_column("agb_code", existing_type=sa.String(8), nullable=True)
        organisations.add_column(sa.Column("role", sa.String(20), nullable=False, server_default="care_provider"))
    with op.batch_alter_table("organisations") as organisations:
        organisations.alter_column("role", existing_type=sa.String(20), server_default=None)
        organisations.create_check_constraint(
            "ck_organisations_role",
            "(role = 'care_provider' AND agb_code IS NOT NULL) OR (role = 'software_party' AND agb_code IS NULL)",
        )
    op.create_table(
        "party_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(63), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("registered_by", sa.String(14), nullable=False),
        sa.Column("registered_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party_addresses"),
        sa.ForeignKeyConstraint(["party"], ["organisations.id"], name="fk_party_addresses_party"),
        sa.UniqueConstraint("party", "first", "last", name="uq_party_addresses_range"),
        sa.CheckConstraint("first >= 0 AND first <= last AND last <= 4294967295", name="ck_party_addresses_ipv4"),
    )
    op.create_table(
        "selections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(63), nullable=False),
        sa.Column("party", sa.String(63), nullable=False),
        sa.Column("selected_by", sa.String(14), nullable=False),
        sa.Column("selected_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_selections"),
        sa.ForeignKeyConstraint(["provider"], ["organisations.id"], name="fk_selections_provider"),
        sa.ForeignKeyConstraint(["party"], ["organisations.id"], name="fk_selections_party"),
        sa.UniqueConstraint("provider", "party", name="uq_selections_both"),
    )
