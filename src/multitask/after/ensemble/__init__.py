"""Several models that predict together: as one model, and as a single file."""
