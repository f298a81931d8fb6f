"""Several runs as one model: their compatibility, their joint metrics and their confidence."""
