"""The relay itself: a call is known, placed, sent on and answered."""
