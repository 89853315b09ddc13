"""Calls to a cancer hotline: triage, and what follows from it."""
