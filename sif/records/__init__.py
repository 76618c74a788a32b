"""The records of a set, by what they describe; :mod:`sif.model` gathers them."""
