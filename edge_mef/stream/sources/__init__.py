"""Where a stream's frames come from: folders, video files, cameras, GStreamer."""
