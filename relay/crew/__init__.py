"""The crew: one parent, the workers it has forked, and what they tell each other."""
