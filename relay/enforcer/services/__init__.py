"""The reference services: what a call reaches once the gate has let it pass."""
