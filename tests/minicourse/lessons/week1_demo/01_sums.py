"""A tiny lesson that uses every role; tests build it and grade it."""

# %% [md] title
# # Add numbers without losing any
#
# Two small functions, and where adding goes wrong.

# %% [md] able
# ## You will be able to
#
# * add a list by hand
# * clip a number to a range
# * say why order matters for floats

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# A phone screen of 45 minutes. The interviewer scores edge cases.

# %% [setup]
import math

from course import check

# %% [md] idea
# A sum starts from a neutral element. Watch it grow:

# %% running
steps = [(n, sum(range(n + 1))) for n in range(4)]
steps

# %% [card] e1 minutes=20 core
# Add a list
#
# Given a list of numbers, return their sum as a number. An empty list sums to 0.
# The list stays as it was.

# %% [hand] e1
# By hand: `total([2, 3, 4])` goes 0, 2, 5, 9.


# %% [answer] e1
def total(numbers: list[float]) -> float:
    """Return the sum of `numbers`; 0 for an empty list.

    >>> total([2, 3, 4])
    9
    """
    ### BEGIN SOLUTION
    running_total_of_all = 0
    for number in numbers:
        running_total_of_all += number
    return running_total_of_all
    ### END SOLUTION


# %% [look] e1
try:
    print("yours:", total([2, 3, 4]), "expected: 9")
except NotImplementedError as error:
    print(error)

# %% [check] e1 points=5
check.case(total, [2, 3, 4], want=9, hint="start from 0 and add each number")

# %% [grade] e1.edges points=15 mode=split
# An empty list, negative numbers, one number.
check.case(total, [], want=0, hint="what is the sum of nothing?")
check.case(total, [-5], want=-5)
check.case(total, [1, -1, 2], want=2)

# %% [grade] e1.random points=10 mode=split
# Lists drawn at random, compared with a reference.
text_in_test = """a string
over two lines"""
rng = check.rng()
for _ in range(20):
    drawn = rng.integers(-99, 99, size=5).tolist()
    check.case(total, drawn, want=sum(drawn))
assert text_in_test.count("\n") == 1

# %% [hints] e1
# nudge: What is the sum of no numbers?
#
# idea: Keep one running number, and add to it.
#
# outline: Start from zero; for each number, add it; return what you have.

# %% [md] between
# The next one has two edges.

# %% [card] e2 minutes=20 core
# Clip to a range
#
# Given `x`, `low` and `high`, return the nearest number inside. Raise `ValueError`
# when `low` is above `high`.

# %% [hand] e2
# By hand: clipping 7 to 0…5 gives 5.
print(min(7, 5))


# %% [answer] e2
def clip(x: float, low: float, high: float) -> float:
    """Return `x` limited to `low`…`high`; ValueError when low > high.

    >>> clip(7, 0, 5)
    5
    """
    ### BEGIN SOLUTION
    if low > high:
        raise ValueError(f"low {low} is above high {high}")
    return max(low, min(high, x))
    ### END SOLUTION


# %% [look] e2
try:
    print("yours:", [clip(x, 0, 2) for x in (-1, 1, 3)], "expected: [0, 1, 2]")
except NotImplementedError as error:
    print(error)

# %% [check] e2 points=5
check.case(clip, 7, 0, 5, want=5, hint="never above high")

# %% [grade] e2.edges points=15 mode=shared
# Both ends, and a range that is empty.

# %% [grade] e2.inner points=10 mode=shared
check.case(clip, 3, 0, 5, want=3)
check.case(clip, 2.5, 0, 5, want=2.5, near=1e-12)

# %% [hints] e2
# nudge: Which of the three numbers may you return?
#
# idea: Limit from above, then from below.
#
# outline: Check the range; take the smaller of x and high; then the larger with low.

# %% [essay] e3 points=20 rubric=order minutes=20 core
# Does the order of adding matter
#
# A colleague sums a million floats in parallel and gets another result each run.
# Explain why, and what you would do.
# ### BEGIN SOLUTION
# Rounding makes floating-point addition not associative.
# ### END SOLUTION

# %% [rubric] order
# A strong answer names rounding and non-associativity.
#
# Red flag: blames a race condition at once.
#
# Levels: 0 nothing, 1 symptom, 2 cause, 3 cause and cure.

# %% [card] e4 minutes=10 stretch
# Add exactly
#
# Return the sum of floats with one rounding only, as `math.fsum` does.

# %% [hand] e4
# By hand: 0.1 ten times is 1, not 0.9999999999999999.


# %% [answer] e4
def exact(numbers: list[float]) -> float:
    """Return the correctly rounded sum of `numbers`.

    >>> exact([0.1] * 10)
    1.0
    """
    ### BEGIN SOLUTION
    return math.fsum(numbers)
    ### END SOLUTION


# %% [look] e4
print("plain:", sum([0.1] * 10))

# %% [check] e4 points=5
check.case(exact, [0.1] * 10, want=1.0)

# %% [grade] e4.tiny points=15 mode=shared
check.case(exact, [1e16, 1.0, -1e16], want=1.0, hint="small numbers get lost")

# %% [hints] e4
# nudge: What does adding 1 to 1e16 give?
#
# idea: Keep what rounding loses.
#
# outline: Carry a second number with the error of each addition.

# %% [md] aloud
# ## Say it out loud
#
# A sum needs a neutral element, and floats need an order.

# %% [md] follow
# ## Follow-ups
#
# 1. Sum in parallel.
# 2. Sum a stream.

# %% [md] deeper
# ## Go deeper
#
# * [Floating point](https://docs.python.org/3/tutorial/floatingpoint.html)

# %% [review]
# ## Review
#
# Q: What does `sum([])` return, and why?
# A: 0, the neutral element of addition.
#
# Q: Is floating-point addition associative?
# A: No: each addition rounds.
