"""How traffic moves from one release to the next, and the record of it."""
