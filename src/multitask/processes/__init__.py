"""The processes that train together: how they learn of each other, and meet."""
