"""genlaws checks what papers claim about the generalization of over-parameterized classifiers."""

__version__ = "0.1.0"
