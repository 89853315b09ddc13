"""Soft signs: what those around a patient notice before any number changes."""
