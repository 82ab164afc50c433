"""What stands in for the world: synthetic people, augmented views, detector noise, cameras."""

from poselift.simulation.noise import DetectorNoise

__all__ = ["DetectorNoise"]
