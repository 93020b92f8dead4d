"""Generators and checks for tests: ours, and those of anyone who writes an engine or a pass of their own."""
