"""Fusing what a camera delivers for ever: brackets, a ring of buffers, sources and sinks."""
