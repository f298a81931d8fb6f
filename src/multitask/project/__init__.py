"""A user's own project: a folder that depends on the package, and its template."""
