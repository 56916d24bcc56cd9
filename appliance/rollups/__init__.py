"""Rollups: additive counts and sums per minute, hour and day, and the first time of each user and type.

They follow the log with a cursor of their own (``follower``), say what they are complete for (``state``), and
can be compared with the log (``verify``) or made anew from it (``rebuild``).
"""
