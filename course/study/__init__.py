"""What a learner did, and what to do next."""
