"""Machines: pure, seeded, without drawing."""
