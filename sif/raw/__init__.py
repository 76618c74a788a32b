"""Partitions that are kept sector by sector: which ones, their images, and writing them back."""
