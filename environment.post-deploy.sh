#!/bin/sh
# Snakemake runs this in the environment that it has made from environment.yaml: installs the package from the checkout.
set -eu
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable "$D_Q_TRIAL_HOME"
