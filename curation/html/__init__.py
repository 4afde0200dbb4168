"""A page to its text: archives (``archive.py``), HTML with its formulas (``extract.py``); pure functions, no settings.

Example: ``from curation.html.extract import html_to_text``.
"""
