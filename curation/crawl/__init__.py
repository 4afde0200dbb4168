"""Pages of a crawl by its index: which there are, which of them are wanted, and ranged reads of their records."""
