"""A person's own project: a folder that depends on the package, and how it begins."""
