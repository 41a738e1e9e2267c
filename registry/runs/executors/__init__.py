"""Where the runs of a sweep are brought to their end: this machine, Slurm, or a cloud.

An executor takes jobs (``job.Job``: run folders that wait) and reports how each ended. It keeps no
state of its own about a run: that is what the run folder says.
"""
