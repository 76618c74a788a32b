"""The server that a drill destroys: a real Debian machine, installed once and kept in the cache."""
