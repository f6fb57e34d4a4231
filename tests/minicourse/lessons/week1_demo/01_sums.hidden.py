"""Hidden tests of 01_sums that are long enough to stand apart."""

# %% [grade] e2.edges
check.case(clip, -1, 0, 5, want=0)
check.case(clip, 9, 0, 5, want=5)
check.raises(clip, ValueError, 1, 5, 0)
