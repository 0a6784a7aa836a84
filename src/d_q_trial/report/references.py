"""What the paragraph on methods cites."""

REFERENCES = {
    "wilcoxon": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1, 80-83 (1945).",
    "mann_whitney": (
        "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than the "
        "other. Annals of Mathematical Statistics 18, 50-60 (1947)."
    ),
    "streitberg": (
        "Streitberg B, Röhmel J. Exact distributions for permutation and rank tests: an introduction to some recently "
        "published algorithms. Statistical Software Newsletter 12, 10-17 (1986)."
    ),
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
}
