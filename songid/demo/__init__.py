"""`songid demo`: two stations that songid really listens to, on a machine with nothing on it.

Music is composed or the user's own, aired by two made-up stations, indexed, heard and
reported by the code that serves real ones, then held against what was really on.
"""
