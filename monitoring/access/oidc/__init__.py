"""Signing in at an issuer, NHS CIS2 or any other that speaks OpenID Connect."""
