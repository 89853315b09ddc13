"""One trace from a request to what is told because of it, by configuration (OpenTelemetry)."""
