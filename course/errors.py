"""The one kind of error that is written for the person at the keyboard."""


class CourseError(Exception):
    """Something the user can cure: says what is wrong, why, and what to type.

    >>> print(CourseError("no notebook 'week9'", cure="course plan lists the weeks"))
    no notebook 'week9'
      try: course plan lists the weeks
    """

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n  try: {self.cure}" if self.cure else self.message
