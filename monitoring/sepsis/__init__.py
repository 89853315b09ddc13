"""Whether sepsis is suspected: asked on an alert, answered by a clinician, and told to whoever goes to the patient."""
