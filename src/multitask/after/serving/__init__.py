"""A web page and an HTTP route with predictions for images, texts and numbers."""
