"""aiohttp's serving side, for every face but the data path: the gate, the registry's API, the operator's port."""
