"""The audit of what codes still tell, and benchmarks of what they cost."""
