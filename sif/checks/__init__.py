"""The rules of ``sif.check``, one module per part of a machine; each rule yields problems and changes nothing."""
