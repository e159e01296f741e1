"""Errors as answers: one table knows both, one file words them as problem+json or as a SOAP Fault. Pure."""
