"""Features by id and time: what a record is, and which record was true when a label came. Pure."""
