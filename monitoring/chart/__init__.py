"""The NEWS2 chart of a patient as a picture, as clinicians know it on paper."""
