"""Who looked at or changed what of which patient: events, sealed into a chain that shows what was tampered with."""
