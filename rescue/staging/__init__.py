"""Staging: puts the rescue system on the machine's own disk, so that phase 2 starts from there."""
