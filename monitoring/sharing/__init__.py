"""A patient's record for other systems, in FHIR: observations, and a whole stay."""
