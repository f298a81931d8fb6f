"""Reading tables of targets: from files to rows, columns and image paths."""
