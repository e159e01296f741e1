"""The operator's port: is it alive, does it take calls, what did it count."""
