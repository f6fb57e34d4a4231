"""Settings of plain nbgrader, which every command of this course builds on."""

from course.grading import clean

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

# `course grade`, `nbgrader autograde` and formgrader read the rest.
# A folder that holds links, devices or what no reader can bear fails alone, before
# nbgrader copies from it. (nbgrader's pre_convert_hook could not stop it.)
c.Autograde.exporter_class = "course.grading.repair.GuardedExporter"
# A submission is rebuilt from its release before nbgrader looks at it; the rest is
# nbgrader's own, but for warnings about checksums that never match.
c.Autograde.sanitize_preprocessors = [
    "course.grading.repair.Rebuild",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "course.grading.repair.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# nbgrader's own, but a dead kernel or a warning no longer costs what was right, and
# a value that an answer sends to the front end is no grade.
c.Autograde.autograde_preprocessors = [
    "course.grading.execute.Execute",
    "course.grading.repair.NoValues",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Seconds for one cell. The Validate button blocks the whole server meanwhile.
c.Execute.timeout = 15
# Feedback pages and formgrader show a submission, and run nothing that is in it.
# `Clean` stands twice: formgrader runs the first list; for feedback, the grades and
# comments are added after it.
c.HTMLExporter.preprocessors = ["course.grading.clean.Clean"]
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "course.grading.clean.Clean",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.HTMLExporter.filters = clean.FILTERS
c.HTMLExporter.extra_template_basedirs = clean.TEMPLATES
# Class use only: the default writes colons and spaces into folder names.
c.Exchange.timestamp_format = "%Y%m%dT%H%M%SZ"
