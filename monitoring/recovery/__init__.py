"""Recovery, discharge to assess, and admission prevention: care that comes to the home, by clocks of its own."""
