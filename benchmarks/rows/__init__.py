"""Rows of the table of targets, a module for each kind; each has `targets()`."""
