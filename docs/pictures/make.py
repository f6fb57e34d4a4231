"""Take the pictures of the documentation anew: python docs/pictures/make.py

They are what the browser tests see, so a picture never shows what does not work.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TAKEN = {
    "test_home_page_leads_to_the_next_notebook-home": "home",
    "test_released_notebook_runs_up_to_the_first_stub-figure": "notebook",
}


def main() -> None:
    """Run the browser tests and keep their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/browser"],
            cwd=HERE.parent.parent,
            env=os.environ | {"COURSE_SCREENSHOTS": folder},
            check=True,
        )
        for taken, name in TAKEN.items():
            shutil.copy(Path(folder, f"{taken}.png"), HERE / f"{name}.png")


if __name__ == "__main__":
    main()
