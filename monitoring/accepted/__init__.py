"""Accepted values: what a senior clinician lets pass as amber of one patient, for some days."""
