"""The registry: which system certificate may call from which addresses, and who may change that."""
