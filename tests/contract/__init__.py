"""The service held to the document that it serves, and to what nobody should send it."""
