"""Persons over time: linking detections, choosing the main person."""

from poselift.tracking.association import link
from poselift.tracking.loading import load_people, load_poses, people_of, prominence

__all__ = ["link", "load_people", "load_poses", "people_of", "prominence"]
