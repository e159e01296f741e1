"""The reference side of the gate: who may pass, who saw it, and the services behind it."""
