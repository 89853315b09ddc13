"""Who is on duty, how they are told, and how a shift is handed over."""
