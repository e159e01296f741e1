"""The demo authority: a VECOZO-like chain and the certificates under it, for rehearsal and tests."""
