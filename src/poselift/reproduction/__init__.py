"""The tables and figures of the two papers, made again with these networks on open data."""
