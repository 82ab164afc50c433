"""Looking at sequences: one self-contained page, and panel figures as SVG."""

from poselift.viewer.drawing import View
from poselift.viewer.figures import draw_svg
from poselift.viewer.live import LivePage, LivePerson
from poselift.viewer.page import render_html, render_keypoints_html

__all__ = ["LivePage", "LivePerson", "View", "draw_svg", "render_html", "render_keypoints_html"]
