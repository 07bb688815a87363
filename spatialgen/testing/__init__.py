"""Analytic scenes with exact truth, for tests of spatialgen and of plug-ins.

`scenes` draws them, `render` takes their picture, `degrade` spoils it, `manifest` writes them to a folder, and `truth`
answers every question of spec/question-types.md from the true shapes.
"""
