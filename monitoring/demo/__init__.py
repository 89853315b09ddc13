"""The demo: a believable ICS on real servers, patients who deteriorate, and the story told as it happens."""
