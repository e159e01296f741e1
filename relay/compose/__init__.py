"""Where everything is put together, and nothing else happens: one file for each process."""
