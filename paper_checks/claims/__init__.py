"""The claims, one module per question a paper asks; each registers its claims as ``CLAIMS``."""
