"""Case finding: who may have hypertension, for the practice that can treat it."""
