"""Tables that a site loads: whole, dated, from CSV, never typed in by hand."""
