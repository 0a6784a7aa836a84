# Values in tests/test_consistency_inference.py: Rscript tests/oracle/consistency.R (R 4, coin)
suppressMessages(library(coin))
exact <- function(x, y) {
  d <- data.frame(v = c(x, y), g = factor(rep(c("a", "b"), c(length(x), length(y)))))
  t <- wilcox_test(v ~ g, data = d, distribution = "exact")
  c(pvalue(t), midpvalue(t))
}
# As SAS's NPAR1WAY describes its t approximation: the standardized rank sum against t with N - 1 degrees of freedom.
t_approximation <- function(x, y, corrected) {
  n <- length(x); N <- n + length(y); r <- rank(c(x, y))
  d <- sum(r[1:n]) - n * (N + 1) / 2
  if (corrected) d <- sign(d) * max(abs(d) - 0.5, 0)
  2 * pt(-abs(d / sqrt(n * (N - n) * var(r) / N)), N - 1)
}
options(digits = 15)
x <- c(1, 3, 6, 8, 9); y <- c(2, 4, 5, 7, 10, 11)
print(wilcox.test(x, y)$statistic); print(exact(x, y)); print(wilcox.test(x, y, exact = FALSE)$p.value)
x <- c(1, 4, 6, 7); y <- c(2, 3, 5, 8)
print(wilcox.test(x, y)$statistic); print(exact(x, y))
x <- c(1, 2, 2, 3, 5, 8, 8, 9); y <- c(2, 4, 5, 5, 6, 7, 8, 10, 11)
print(t_approximation(x, y, TRUE)); print(t_approximation(x, y, FALSE))
