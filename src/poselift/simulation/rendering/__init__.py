"""Pictures of people: a body of our own around 17 joints, dressed, lit, photographed."""

from poselift.simulation.rendering.picture import Picture, render

__all__ = ["Picture", "render"]
