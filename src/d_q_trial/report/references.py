"""What the paragraph on methods cites; each two-sample test brings its own references."""

from ..stats.two_sample import all_tests

REFERENCES = {key: text for test in all_tests() for key, text in test.references.items()} | {
    "hodges_lehmann": (
        "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Annals of Mathematical Statistics 34, "
        "598-611 (1963)."
    ),
    "hyndman": "Hyndman RJ, Fan Y. Sample quantiles in statistical packages. American Statistician 50, 361-365 (1996).",
    "spearman": (
        "Spearman C. The proof and measurement of association between two things. American Journal of Psychology 15, "
        "72-101 (1904)."
    ),
    "snakemake": (
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable data analysis with Snakemake. F1000Research 10, 33 "
        "(2021)."
    ),
    "scipy": (
        "Virtanen P, Gommers R, Oliphant TE, et al. SciPy 1.0: fundamental algorithms for scientific computing in "
        "Python. Nature Methods 17, 261-272 (2020)."
    ),
    "delong": (
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating "
        "characteristic curves: a nonparametric approach. Biometrics 44, 837-845 (1988)."
    ),
    "mackinnon": (
        "MacKinnon JG, White H. Some heteroskedasticity-consistent covariance matrix estimators with improved finite "
        "sample properties. Journal of Econometrics 29, 305-325 (1985)."
    ),
    "bonetti": (
        "Bonetti M, Gelber RD. Patterns of treatment effects in subsets of patients in clinical trials. Biostatistics "
        "5, 465-481 (2004)."
    ),
    "westfall": "Westfall PH, Young SS. Resampling-based multiple testing. Wiley (1993).",
    "holm": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70 "
        "(1979)."
    ),
    "benjamini": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. Journal of the Royal Statistical Society B 57, 289-300 (1995)."
    ),
    "simonsohn": (
        "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour 4, 1208-1214 (2020)."
    ),
    "rubin": "Rubin DB. Multiple imputation for nonresponse in surveys. Wiley (1987).",
    "phipson": (
        "Phipson B, Smyth GK. Permutation P-values should never be zero: calculating exact P-values when permutations "
        "are randomly drawn. Statistical Applications in Genetics and Molecular Biology 9, 39 (2010)."
    ),
}
