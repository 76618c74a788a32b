"""The restored tree against the set's catalog: what differs is set aside and put back from the packages at hand.

``check`` decides and does it, ``archives`` finds and unpacks packages, ``putback`` changes one file of the tree.
"""
