"""Issuers that tests sign in at: a real one in a process of its own, and one that lies."""
