"""Bench: what logging costs on this machine and on the storage of a folder.

Every part makes a store of its own in a temporary folder, measures, checks that nothing is missing, and removes the
folder. Times of single calls are taken with `time.perf_counter_ns` before and after each, whose own cost is measured in
the same rounds and subtracted. Nothing here prints.
"""
