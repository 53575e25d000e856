"""The claims, one module per paper."""
