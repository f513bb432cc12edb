"""The paper's Tables 2 and 3 with a release of ours beside its figures, and its errata as arithmetic."""
