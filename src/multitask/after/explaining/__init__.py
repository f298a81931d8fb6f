"""What each task attends to in an image, and what the tasks share."""
