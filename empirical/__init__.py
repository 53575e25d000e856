"""The same measurements on images and on networks."""
