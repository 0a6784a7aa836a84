"""`snakemake --lint`, with the findings that do not apply here taken out, each for a reason."""

import re
import subprocess
import sys

ACCEPTED = {
    "Specify a conda environment or container": "the Snakefile gives all rules the same, where Snakemake deploys software",
    "Mixed rules and functions": "an input function reads best beside the one rule that it serves",
}

run = subprocess.run(
    [sys.executable, "-m", "snakemake", "--lint"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
)
if "Traceback" in run.stdout or "Error in file" in run.stdout:
    sys.exit(run.stdout)
findings = re.findall(r"^(Lints for .*)$|^    \* (.*)$", run.stdout, flags=re.MULTILINE)
if run.returncode and not findings:
    sys.exit(run.stdout)
place, unexpected = "", []
for heading, finding in findings:
    place = heading or place
    if finding and not finding.startswith(tuple(ACCEPTED)):
        unexpected.append(f"{place} {finding}")
print("\n".join(unexpected) or f"workflow: {len(findings)} findings, none but the accepted")
sys.exit(bool(unexpected))
