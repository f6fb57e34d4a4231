"""Small pictures as arrays, jobs that change them, and four operations ready to use.

A picture is a uint8 array: (height, width, 3) in colour, (height, width) in grey.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Step = tuple


@dataclass(frozen=True, slots=True)
class Job:
    """Take file `source`, apply `steps` in order, store the result as `target`.

    A step is a name and its arguments, such as ("scale", 40, 60).
    """

    source: str
    target: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How the job at position `job` ended; `error` is None when all is well."""

    job: int
    error: str | None = None


class Invalid(Exception):
    """A step that cannot be done; `code` says why, in one of the agreed words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def grayscale(image: np.ndarray) -> np.ndarray:
    """Return the brightness of each pixel, (height, width) uint8."""
    if image.ndim == 2:
        return image.copy()
    weighted = image.astype(np.uint32) @ np.array([299, 587, 114], np.uint32)
    return ((weighted + 500) // 1000).astype(np.uint8)


def flip(image: np.ndarray, axis: str) -> np.ndarray:
    """Mirror the picture; `axis` is "horizontal" (left for right) or "vertical"."""
    axes = {"vertical": 0, "horizontal": 1}
    if axis not in axes:
        raise Invalid("invalid_operation")
    return np.flip(image, axes[axis]).copy()


def rotate90(image: np.ndarray, turns: int = 1) -> np.ndarray:
    """Turn the picture by quarter turns, counter-clockwise."""
    return np.rot90(image, turns).copy()


def scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the picture at another size (pixels), each pixel its nearest one.

    Raises Invalid("invalid_dimensions") for a side below 1.
    """
    if height < 1 or width < 1:
        raise Invalid("invalid_dimensions")
    rows = np.arange(height) * image.shape[0] // height
    columns = np.arange(width) * image.shape[1] // width
    return image[rows][:, columns]


OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "grayscale": grayscale,
    "flip": flip,
    "rotate90": rotate90,
    "scale": scale,
}


def sunset(height: int = 60, width: int = 90) -> np.ndarray:
    """Return a small colour picture: a sun over water, (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    sky = np.stack(
        [200 - 60 * y / height, 110 + 60 * y / height, 90 + 120 * y / height], axis=2
    )
    sea = y > 0.65 * height
    sky[sea] = [30, 60, 110]
    sky[sea & (np.abs(x - width / 2) < 4) & (y % 4 < 2)] = [250, 220, 140]
    sun = (y - 0.5 * height) ** 2 + (x - width / 2) ** 2 < (height / 6) ** 2
    sky[sun & ~sea] = [255, 235, 150]
    return sky.astype(np.uint8)
