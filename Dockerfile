# The workflow with everything it needs, from the lock file that `make` uses. Build and run:
#   docker build --tag d-q-trial .
#   docker run --rm --volume "$PWD":/work d-q-trial snakemake --cores 4
# For `snakemake --profile profiles/apptainer`:
#   apptainer build d-q-trial.sif docker-daemon://d-q-trial:latest
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

ENV PATH=/opt/venv/bin:$PATH XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib LC_ALL=C.UTF-8
COPY requirements.lock /opt/
RUN python3 -m venv /opt/venv \
 && python3 -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/requirements.lock

WORKDIR /work
COPY . .
RUN python3 -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable .
CMD ["snakemake", "--cores", "4"]
