"""The tools of authors and instructors: build, lint, adopt, prove, publish."""
