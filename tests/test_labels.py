"""Every output made from synthetic participants has a label, and no output made from others has one."""

import re

import openpyxl
import pytest
import workspace
from pipeline import LABEL, PBC

from d_q_trial.files import read_rows

# The label as it is, or with its apostrophe escaped for HTML or PDF.
LABEL_IN_FILE = re.compile(rb"Synthetic data: not the trial(?:'|&#39;|&#x27;|\\')s participants")
# Files without data of participants: the consistency of the reported numbers, the design of the trial, the code and
# settings of the run, and the numbers of permutations that exceed a statistic.
WITHOUT_LABEL = re.compile(
    r"results/README\.md|results/consistency/.*|.*/export/(Snakefile|config\.yaml)|.*/shards/.*\.npz"
    r"|.*/figures/figure_2\.(pdf|png)"
)


def read_labels(path):
    """Return the label, or None, of each row of a table, each sheet of a workbook, or the whole of any other file."""
    if path.suffix == ".csv":
        return [row.get("data") for row in read_rows(path)]
    if path.suffix == ".xlsx":
        return [re.search(LABEL, str([*sheet.values])) for sheet in openpyxl.load_workbook(path)]
    return [LABEL_IN_FILE.search(path.read_bytes())]


def list_outputs(folder):
    """List the files that a run has made from participants."""
    files = {path.relative_to(folder).as_posix(): path for path in (folder / "results").rglob("*") if path.is_file()}
    return [path for name, path in sorted(files.items()) if "/logs/" not in name and not WITHOUT_LABEL.fullmatch(name)]


def test_every_output_made_from_synthetic_participants_has_the_label(finished):
    files = list_outputs(finished[0])
    assert {".csv", ".html", ".xlsx", ".json", ".parquet", ".pdf", ".png", ".md"} <= {path.suffix for path in files}
    assert len(files) > 60
    assert [path for path in files if not all(read_labels(path))] == []


@pytest.mark.slow
def test_the_real_trial_runs_from_its_configuration_and_no_output_has_the_label(tmp_path):
    folder = workspace.make(tmp_path / "project")
    printed = workspace.snakemake(folder, "--directory", "pbc", "--configfile", PBC)
    assert "Synthetic" not in printed
    assert (folder / "pbc/results/copper_tertiles/results.csv").exists()
    assert not (folder / "results").exists()
    files = list_outputs(folder / "pbc")
    assert len(files) > 60
    assert [path for path in files if any(read_labels(path))] == []
