"""Data sets: readers, detector noise, and the arrays a lifting network is trained on."""
