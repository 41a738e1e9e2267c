"""A typed catalog of post-training papers, and the tool that keeps, runs and shows it."""

__version__ = "0.2.0"
