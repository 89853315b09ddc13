"""FHIR R4 from devices: Observations come in, and are answered as FHIR answers."""
