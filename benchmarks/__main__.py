import json

from benchmarks import page

print(json.dumps(page.measure(5, 40, True), indent=1))
