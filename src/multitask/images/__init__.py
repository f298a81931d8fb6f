"""Image files as pixels of one size, decoded once and cached."""
