"""Where a stream's fused frames go: folders, video files, windows, GStreamer."""
