"""A lifter scored on a data set: arrays in, numbers out, no torch."""
