"""Settings of plain nbgrader, which every command of this course builds on."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "frontier_lab"

# `course build` and `nbgrader generate_assignment` read these three.
# What a learner sees where the reference stood, and where an essay goes.
c.ClearSolutions.code_stub = {
    "python": "# Your code here.\n"
    'raise NotImplementedError("write this part, then run the cell again")'
}
c.ClearSolutions.text_stub = "*Your answer here.*"
# A rubric is a locked cell below its essay, without points of its own; nbgrader
# expects mark schemes only in its "task" cells, which would add a second grade.
c.ClearMarkScheme.enforce_metadata = False
