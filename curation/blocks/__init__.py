"""Thin datatrove steps: what a recipe is composed of, and what drops into anyone's own datatrove list."""
