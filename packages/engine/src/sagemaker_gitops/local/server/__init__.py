"""The server process: requests in, answers out, state in a folder."""
