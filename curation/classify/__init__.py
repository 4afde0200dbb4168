"""What a small model learns from the judge's labels: embedder, head, calibration, classifier."""
