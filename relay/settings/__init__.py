"""Every knob: one frozen tree per process, read once, every fault told at once."""
