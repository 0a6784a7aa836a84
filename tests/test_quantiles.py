import numpy as np
import pytest
from oracle_values import numbers, rows

from d_q_trial.formatting import prints_as
from d_q_trial.stats.quantiles import quantile


@pytest.mark.parametrize("oracle", rows("quantiles"), ids=lambda row: f"{row['values']} type {row['type']}")
def test_quartiles_equal_r(oracle):
    result = quantile(numbers(oracle["values"]), [0.25, 0.75], type=int(oracle["type"]))
    assert result == pytest.approx([float(oracle["q1"]), float(oracle["q3"])], rel=1e-12)


def test_the_papers_vitamin_d_quartiles_need_type_7():
    # 28.25 between whole numbers a quarter of the way: only type 7 puts it there with 30 values.
    values = np.concatenate([np.full(7, 20.0), [28, 29], np.full(21, 40.0)])
    printed = [kind for kind in range(1, 10) if prints_as(quantile(values, 0.25, type=kind), "28.2")]
    assert printed == [7]


def test_missing_values_are_left_out_and_wrong_arguments_refused():
    assert quantile([1.0, np.nan, 3.0], 0.5, type=7) == 2
    assert np.isnan(quantile([np.nan], [0.25, 0.75], type=7)).all()
    with pytest.raises(ValueError, match="from 1 to 9"):
        quantile([1.0], 0.5, type=10)
    with pytest.raises(ValueError, match="from 1 to 9"):
        quantile([], 0.5, type=0)
    with pytest.raises(ValueError, match="infinite"):
        quantile([1.0, np.inf], 0.5, type=7)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        quantile([1.0, 2.0], 1.5, type=7)
