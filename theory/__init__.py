"""What the papers predict: formulas only (numpy and scipy)."""
