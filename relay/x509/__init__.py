"""Reading and verifying certificates: identity, chain, dates, purpose, PKCS#12 files, TLS contexts."""
