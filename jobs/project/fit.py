"""Fits a line to noisy points by least squares."""

import json

import numpy

generator = numpy.random.default_rng(7)
x = numpy.linspace(0, 10, 200)
y = 3 * x + 2 + generator.normal(0, 0.5, x.size)
slope, intercept = numpy.polyfit(x, y, 1)
print(f"slope {slope:.2f}, intercept {intercept:.2f}, numpy {numpy.__version__}")
with open("fit.json", "w", encoding="utf-8") as file:
    json.dump({"slope": slope, "intercept": intercept}, file)
