"""Calibration sets and quantization: the stage between the pipeline and its exports."""
