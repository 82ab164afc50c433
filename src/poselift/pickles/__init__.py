"""Pickles and torch files, read without running what is inside."""
