"""An example of a package that adds a claim and a classifier family to genlaws."""
