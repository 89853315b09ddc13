"""Urgent community response."""
