"""Writes a report and its HMAC-SHA-256, by a key that the job was handed as a secret."""

import hashlib
import hmac
import os
import pathlib
import platform

report = f"job {os.environ['SHUNT_JOB_ID']} ran on Python {platform.python_version()}\n".encode()
# The same bytes as in the variable `SIGNING_KEY`, for programs that want a file.
key = pathlib.Path(os.environ["SHUNT_SECRETS"], "SIGNING_KEY").read_bytes()
signature = hmac.new(key, report, hashlib.sha256).hexdigest()
pathlib.Path("report.txt").write_bytes(report)
pathlib.Path("report.txt.sig").write_text(signature + "\n", encoding="ascii")
print("signed", signature[:16])
