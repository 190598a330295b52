"""Says where it runs, and leaves a file behind. Needs nothing but Python itself."""

import os
import pathlib
import platform
import sys

where = f"job {os.environ.get('SHUNT_JOB_ID', '(none)')} on {platform.node()}"
print(f"hello from {where}, Python {platform.python_version()}")
print("this line is on standard error", file=sys.stderr)
pathlib.Path("greeting.txt").write_text(f"hello from {where}\n", encoding="utf-8")
