"""Settings of the robustness analyses: the section ``robustness`` of ``config.yaml``."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..stats.two_sample import get_test, rank_sum_variants
from .types import NameList, Number, Quantile, Share, StrictModel


def _choose_among(*names: str) -> Any:
    """Return the type of a list of one or more of the names; the default is all of them."""
    return Annotated[list[Literal[names]], Field(min_length=1, default=list(names))]  # type: ignore[valid-type]


class Windows(StrictModel):
    """Windows that slide along a marker: the width and the step of a window, as shares of the participants."""

    share: Annotated[Number, Field(gt=0, le=1)] = 1 / 3
    step: Annotated[Number, Field(gt=0, le=1)] = 1 / 20

    @model_validator(mode="after")
    def _check_step(self):
        if self.step > self.share:
            raise ValueError(f"'step' must not exceed 'share', or windows would skip participants, got {self.step:g}")
        return self


class Family(StrictModel):
    """Tests whose P-values are adjusted together.

    ``outcomes`` holds keys of outcomes or of outcome families. ``strata`` names the strata of the analysis by their
    rank, so that a family fits every analysis: ``all`` is all participants, ``each`` every stratum.
    """

    outcomes: NameList = "all"
    visits: NameList = "all"
    strata: Annotated[list[Literal["all", "highest", "lowest", "each"]], Field(min_length=1)] = ["all"]


class Multiverse(StrictModel):
    """Analytical choices of the multiverse; a specification combines one of each.

    ``outcomes`` gives the favourable direction of a change. The groups are all participants (``overall``) and, for each of
    the ``markers``, the participants at or above each quantile in ``cuts``.
    """

    outcomes: dict[str, Literal["higher", "lower"]] = {}
    visits: NameList = "all"
    markers: NameList = "all"
    cuts: list[Share] = [Quantile(1, 2), Quantile(3, 5), Quantile(2, 3), Quantile(3, 4)]
    overall: bool = True
    changes: _choose_among("percent", "log_ratio", "difference")
    tests: _choose_among(*(name for name in rank_sum_variants() if not get_test(name).for_many))  # P follows from z
    outliers: _choose_among("keep", "trim", "winsorise")
    outlier_limit: Annotated[Number, Field(gt=0)] = 3.0
    missing: _choose_among("available", "last_carried_forward", "no_change")
    populations: _choose_among("intention_to_treat", "completers")


class Robustness(StrictModel):
    """Seed, size and scope of the analyses by permutation."""

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 20240722
    permutations: Annotated[int, Field(ge=99)] = 1999
    full_permutations: Annotated[int, Field(ge=99)] = 99_999
    simulated_trials: Annotated[int, Field(ge=1)] = 1000  # per scenario, in `snakemake --cores 4 calibration`
    memory_mb: Annotated[int, Field(ge=64)] = 512
    shards: Annotated[int, Field(ge=1)] = 1
    minimum_per_arm: Annotated[int, Field(ge=2)] = 6
    windows: Windows = Windows()
    families: dict[str, Family] = {}
    multiverse: Multiverse = Multiverse()
