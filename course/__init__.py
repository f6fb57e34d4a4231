"""The package that the notebooks import and that runs the course."""
