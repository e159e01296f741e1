"""The first five minutes: both sides on this machine with throw-away certificates, and the story told with them."""
