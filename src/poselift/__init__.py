"""poselift: 2D human keypoints in, metric 3D skeletons out."""
