"""What was seen: one line for each exchange, one table of metrics, both given to whoever needs them."""
