"""Program to artefact: one file per target, operator checks and parity."""
