"""A small HDR scene renderer and a camera: exposure brackets without any download."""
