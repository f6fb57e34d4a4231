"""Grading: gradebook, submissions, execution, repair and feedback."""
