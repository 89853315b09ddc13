"""Watching ourselves: what fails is told to the engineers on duty by a process that is not the one that failed."""
