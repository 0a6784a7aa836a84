"""What is made from synthetic participants says so, file by file, and what is made from others does not."""

import csv
import re
import zipfile

import pytest
import workspace
import yaml

LABEL = "Synthetic data: not the trial's participants"
# How the label is written: as it is, or with its apostrophe escaped for HTML; PDF splits and escapes its strings.
WRITTEN = re.compile(rb"Synthetic data: not the trial(?:'|&#39;|&#x27;|\\')s participants")
# These say nothing of participants: the reported numbers held against each other, the design of the trial, the code and
# settings of the run, and the numbers of permutations that exceed a statistic.
WITHOUT = re.compile(
    r"results/README\.md|results/consistency/.*|.*/export/(Snakefile|config\.yaml)|.*/shards/.*\.npz"
    r"|.*/figures/figure_2\.(pdf|png)"
)


def is_labelled(path):
    """Whether a file carries the label: each row of a table, each sheet of a workbook, the file otherwise."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return all(LABEL in row["data"] for row in rows) if rows else True
    if path.suffix == ".xlsx":
        import openpyxl

        return all(
            any(LABEL in str(cell) for row in sheet.values for cell in row) for sheet in openpyxl.load_workbook(path)
        )
    return WRITTEN.search(path.read_bytes()) is not None


def made(folder):
    """Files that a run has made of participants, by name."""
    files = {str(path.relative_to(folder)): path for path in (folder / "results").rglob("*") if path.is_file()}
    return {name: path for name, path in files.items() if "/logs/" not in name and not WITHOUT.fullmatch(name)}


def test_every_output_made_from_synthetic_participants_carries_the_label(finished):
    files = made(finished[0])
    assert {path.suffix for path in files.values()} >= {
        ".csv",
        ".html",
        ".xlsx",
        ".json",
        ".parquet",
        ".pdf",
        ".png",
        ".md",
    }
    assert len(files) > 60
    assert [name for name, path in sorted(files.items()) if not is_labelled(path)] == []


@pytest.mark.slow
def test_no_output_carries_the_label_when_the_workbook_does_not_call_itself_synthetic(tmp_path):
    import openpyxl

    folder = workspace.make(tmp_path / "project")
    book = openpyxl.load_workbook("data/reconstructed.xlsx")
    del book["READ ME"]
    book.properties.title = book.properties.subject = book.properties.keywords = book.properties.creator = None
    del book.custom_doc_props["synthetic"]
    book.save(folder / "data" / "unnamed.xlsx")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["analyses"]["published"]["workbook"] = "data/unnamed.xlsx"
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    run = workspace.snakemake(folder)
    assert run.returncode == 0, run.stdout
    assert "Synthetic data" not in run.stdout
    files = made(folder)
    assert len(files) > 60
    for name, path in files.items():
        content = (
            b"".join(map(zipfile.ZipFile(path).read, zipfile.ZipFile(path).namelist()))
            if path.suffix == ".xlsx"
            else path.read_bytes()
        )
        assert not WRITTEN.search(content), name
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as stream:
                assert "data" not in next(csv.reader(stream)), name
