"""Persons over time: linking detections, choosing the main person."""

from poselift.tracking.association import link
from poselift.tracking.people import by_person, people_of, prominence
from poselift.tracking.tracker import Tracker

__all__ = ["Tracker", "by_person", "link", "people_of", "prominence"]
