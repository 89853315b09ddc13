"""Clinical behaviour as tables: tests run them, and `python -m tests.spec.render` writes the pages."""
