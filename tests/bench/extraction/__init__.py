"""What bench_extraction.py measures, a file a part."""
