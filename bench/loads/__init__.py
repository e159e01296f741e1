"""The callers: each load says which version of TLS it speaks, and sees to it that every answer is whole."""
