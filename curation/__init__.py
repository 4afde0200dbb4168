"""Curate pretraining data: extract, judge, learn the judge, score, select, deduplicate, decontaminate, publish."""
