"""The byte front of the data path: TLS, heads, bodies and deadlines, all ours and strict."""
