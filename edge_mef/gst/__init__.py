"""The GStreamer element `edgemeffuse`: two or more videos of one scene in, the fused video out.

The element itself is `python/edgemeffuse.py`; what is beside it knows nothing of GStreamer.
"""
