"""Envelopes, actions, faults and the vocabulary of the insurance check: pure, and without an XML library."""
