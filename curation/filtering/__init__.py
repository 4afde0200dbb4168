"""Keeping scored rows by flags, from scores that are kept without texts."""
