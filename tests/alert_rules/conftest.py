"""Hypothesis without its deadline: on shared cores a slow example says nothing about the code."""

from hypothesis import settings

settings.register_profile("rules", deadline=None)
settings.load_profile("rules")
