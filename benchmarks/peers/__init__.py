"""What a user would pick instead of EdgeMEF, each a callable on exposures."""
