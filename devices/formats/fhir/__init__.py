"""FHIR R4 messages: read by their paths, for nobody can mend what a refusal does not name."""
