"""Analytic scenes with exact truth, for tests of spatialgen and of plug-ins: `scenes`, `render`, `manifest`, `truth`."""
