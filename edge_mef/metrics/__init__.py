"""How good is a fused picture: the metrics of fusion papers, in numpy and OpenCV alone."""
