"""The catalog: every file that packages own and nobody configures, as it was at capture time.

``collect`` makes it from the package databases, ``text`` writes and reads it, ``verify`` compares a tree with it.
"""
