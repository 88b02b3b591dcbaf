"""Streams: what a task yields goes to a growing file that another task reads meanwhile.

A stream is a file of frames, the spool, beside which each reader says how far it is. A writer
holds a lock on the spool and a reader one on its own file, so that each sees at once when the
other is gone: the kernel frees the locks of a process that is killed. Nobody waits for a dead one.
"""
