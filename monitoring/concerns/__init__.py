"""Somebody is worried about a patient: always an alert."""
