"""The learner's own study: what was tried and when (plans and reviews follow)."""
