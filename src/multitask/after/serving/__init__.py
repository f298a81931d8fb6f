"""A page and a route that answer for images, texts and numbers."""
