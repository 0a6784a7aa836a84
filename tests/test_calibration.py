"""The simulated trials of the calibration, in shards and in one piece."""

import calibration
import pytest

from d_q_trial.files import write_csv


@pytest.mark.slow
@pytest.mark.parametrize(("study", "trials"), [("subgroups", 2), ("multiverse", 2)])
def test_two_shards_give_the_table_of_one(study, trials, tmp_path):
    tables = []
    for shards in (1, 2):
        paths = [tmp_path / f"{shard}_of_{shards}.csv" for shard in range(1, shards + 1)]
        for shard, path in enumerate(paths, start=1):
            write_csv(calibration.simulate(study, trials, shard, shards), path)
        tables.append(calibration.render_table(paths))
    assert f"; {trials} trials per column" in tables[0]
    assert tables[1] == tables[0]
