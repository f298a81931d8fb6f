"""What each task looks at in an image, and what the tasks share."""
