"""spatialgen: spatial question-answer data from ordinary images, and a LLaVA trained on it."""

__version__ = "0.1.0"
