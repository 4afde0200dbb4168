"""Uploading a dataset to the Hub."""
