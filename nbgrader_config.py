"""Settings of plain nbgrader, which every command of this course builds on."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "frontier_lab"
