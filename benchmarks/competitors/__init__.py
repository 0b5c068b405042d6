"""Competitors: the same training loop through different trackers, each in the way its manual shows."""
