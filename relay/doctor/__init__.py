"""The doctor: walks the road of a call as a person would, stops where it breaks, and says what to do next."""
