"""Printed summaries and tests in, synthetic cohorts out."""

HELP = "make a synthetic cohort that agrees with everything printed"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("--seed", type=int, help="seed of one cohort (default: the plan's)")
    parser.add_argument("--output", help="where its workbook goes (.xlsx)")
    parser.add_argument("--seeds", help="seeds of many cohorts, such as 1-100")
    parser.add_argument("--folder", help="where their workbooks go, as cohort_0001.xlsx")
    parser.add_argument("--published", default="data/published", help="folder of the printed rows")
    parser.add_argument("--plan", default="data/reconstruct/trial.yaml", help="the trial's side of it (YAML)")


def run(arguments):
    """Read, search, write."""
    from ..errors import UserError
    from ..reconstruct import ensemble, progress
    from ..reconstruct.cohort import reconstruct
    from ..reconstruct.correlations import describe
    from ..reconstruct.plan import read_plan
    from ..reconstruct.printed import read_printed
    from ..reconstruct.workbook import write_workbook

    plan = read_plan(arguments.plan)
    printed = read_printed(arguments.published, plan)
    if arguments.seeds:
        if arguments.seed is not None or arguments.output or not arguments.folder:
            raise UserError("--seeds goes with --folder, and without --seed and --output")
        ensemble.make_cohorts(plan, printed, ensemble.parse_seeds(arguments.seeds), arguments.folder)
        return
    if not arguments.output:
        raise UserError("--output is missing (or --seeds with --folder)")
    seed = plan.seed if arguments.seed is None else arguments.seed
    if seed < 0:
        raise UserError(f"--seed {seed}: expected a whole number from 0")
    with progress.bar(f"seed {seed}") as step:
        cohort = reconstruct(plan, printed, seed, progress=step)
    write_workbook(cohort, plan, arguments.output)
    progress.tell(describe(cohort, plan))
