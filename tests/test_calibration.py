"""The simulated trials of the calibration, in parts and in one piece."""

import calibration
import pytest

from d_q_trial.files import write_csv


@pytest.mark.slow
@pytest.mark.parametrize(("study", "trials"), [("subgroups", 2), ("multiverse", 2)])
def test_the_table_of_all_parts_has_the_bytes_of_one_piece(study, trials, tmp_path):
    def table(shards):
        parts = [tmp_path / f"{shard}_of_{shards}.csv" for shard in range(1, shards + 1)]
        for shard, part in enumerate(parts, start=1):
            write_csv(calibration.simulate(study, trials, shard, shards), part)
        return calibration.render_table(parts)

    whole = table(1)
    assert f"; {trials} trials per column" in whole
    assert table(2) == whole
