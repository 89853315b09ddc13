"""Equity: every figure cut by who the patients are, beside the population served."""
