"""Benchmarks: each checks its result, then times it."""
