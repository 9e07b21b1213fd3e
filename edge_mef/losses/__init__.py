"""Training losses: gradient-driven image fidelity, and MEF-SSIM as a differentiable index."""
