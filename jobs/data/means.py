"""The mean of each column by species, of a table that lies where the job runs."""

import csv
import json
import sys
from statistics import mean

COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]

with open(sys.argv[1], newline="", encoding="ascii") as file:
    (_, _, *species), *rows = csv.reader(file)
means = {}
for number, kind in enumerate(species):
    own = [row for row in rows if int(row[-1]) == number]
    means[kind] = {
        name: round(mean(float(row[index]) for row in own), 3)
        for index, name in enumerate(COLUMNS)
    }
    print(f"{kind}, {len(own)} flowers:", ", ".join(f"{k} {v} cm" for k, v in means[kind].items()))
with open("means.json", "w", encoding="utf-8") as file:
    json.dump(means, file, indent=1)
