"""Names that look unused to vulture and are not. Each with who uses it; a name that is used after all has to go."""
