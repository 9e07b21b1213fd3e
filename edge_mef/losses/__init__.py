"""Training losses: gradient-driven image fidelity, MEF-SSIM, and tone."""
