"""The second notebook of the tiny course: one exercise for each of three ideas."""

# %% [md]
# # Count words that were never written down
#
# Three functions on words.

# %% [md]
# ## You will be able to
#
# * split text
# * count words
# * find the longest

# %% [map]
# ## Map

# %% [md]
# ## Where this is asked
#
# In the first ten minutes of many interviews.

# %% [setup]
from course import check

# %% [card] e1 minutes=20 core
# Split into words
#
# Return the words of `text`, lower case, in order.

# %% [hand] e1
# By hand: "A b" gives `["a", "b"]`.


# %% [answer] e1
def words(text: str) -> list[str]:
    """Return the lower-case words of `text`.

    >>> words("A b")
    ['a', 'b']
    """
    ### BEGIN SOLUTION
    return text.lower().split()
    ### END SOLUTION


# %% [look] e1
print("expected:", ["a", "b"])

# %% [check] e1 points=10
check.case(words, "A b", want=["a", "b"])

# %% [grade] e1.spaces points=20 mode=split
# Many spaces, and none.
check.case(words, "  a \n b ", want=["a", "b"])
check.case(words, "", want=[])

# %% [hints] e1
# nudge: Which method of a string cuts it up?
#
# idea: Make it lower case first.
#
# outline: Lower it, then split it without an argument.

# %% [card] e2 minutes=20 core
# Count words
#
# Return a dictionary from word to how often it occurs in `text`.

# %% [hand] e2
# By hand: "a b a" gives `{"a": 2, "b": 1}`.


# %% [answer] e2
def count(text: str) -> dict[str, int]:
    """Return how often each word occurs.

    >>> count("a b a")
    {'a': 2, 'b': 1}
    """
    ### BEGIN SOLUTION
    found = {}
    for word in words(text):
        found[word] = found.get(word, 0) + 1
    return found
    ### END SOLUTION


# %% [look] e2
print("expected:", {"a": 2, "b": 1})

# %% [check] e2 points=10
check.case(count, "a b a", want={"a": 2, "b": 1})

# %% [grade] e2.none points=25 mode=split
check.case(count, "", want={})
check.case(count, "A a", want={"a": 2})

# %% [hints] e2
# nudge: What do you know after the first word?
#
# idea: Keep one number for each word.
#
# outline: For each word, add one to what you have, starting from none.

# %% [card] e3 minutes=20 core
# Find the longest word
#
# Return the longest word of `text`; the first one when several are as long.

# %% [hand] e3
# By hand: "a bbb ccc" gives "bbb".


# %% [answer] e3
def longest(text: str) -> str:
    """Return the first longest word, "" when there is none.

    >>> longest("a bbb ccc")
    'bbb'
    """
    ### BEGIN SOLUTION
    return max(words(text), key=len, default="")
    ### END SOLUTION


# %% [look] e3
print("expected:", "bbb")

# %% [check] e3 points=10
check.case(longest, "a bbb ccc", want="bbb")

# %% [grade] e3.none points=25 mode=split
check.case(longest, "", want="")

# %% [hints] e3
# nudge: What does the largest mean for words?
#
# idea: Compare lengths.
#
# outline: Go through the words and keep the longest so far.

# %% [md]
# ## Say it out loud
#
# Words are what split gives.

# %% [md]
# ## Follow-ups
#
# 1. Punctuation.

# %% [md]
# ## Go deeper
#
# * [str.split](https://docs.python.org/3/library/stdtypes.html#str.split)

# %% [review]
# Q: What does `"".split()` return?
# A: An empty list.
