# Makes the oracle values of this folder. Run here with: Rscript make.R  (R 4.2.2; coin 1.4-2)
# The tests read the CSV files and never need R.
library(coin)

write <- function(x, file) write.csv(format(x, digits = 15, trim = TRUE), file, row.names = FALSE, quote = FALSE)

# --- rank-sum tests -----------------------------------------------------------------------------------------------
samples <- list(
  untied   = list(x = c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30), y = c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06001, 3.14, 1.29001)),
  tied     = list(x = c(1, 2, 2, 3, 5, 5, 5, 8), y = c(2, 3, 3, 4, 6, 7, 9, 9, 9, 10)),
  unequal  = list(x = c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46), y = c(1.15, 0.88, 0.90, 0.74, 1.21)),
  constant = list(x = c(4, 4, 4, 5), y = c(4, 4, 4, 4, 4)),
  large    = list(x = round(60 + 12 * sin(1:60), 1), y = round(63 + 12 * cos(1:60), 1))
)
rank_sum <- do.call(rbind, lapply(names(samples), function(name) {
  s <- samples[[name]]
  normal <- wilcox.test(s$x, s$y, exact = FALSE, correct = FALSE, conf.int = TRUE)
  corrected <- wilcox.test(s$x, s$y, exact = FALSE, correct = TRUE, conf.int = TRUE)
  group <- factor(rep(c("x", "y"), c(length(s$x), length(s$y))))
  exact <- wilcox_test(c(s$x, s$y) ~ group, distribution = "exact")
  data.frame(sample = name, x = paste(s$x, collapse = " "), y = paste(s$y, collapse = " "),
    u = unname(normal$statistic), normal = normal$p.value, normal_continuity = corrected$p.value,
    exact = as.numeric(pvalue(exact)), z = as.numeric(statistic(exact)),
    normal_lower = normal$conf.int[1], normal_upper = normal$conf.int[2],
    normal_continuity_lower = corrected$conf.int[1], normal_continuity_upper = corrected$conf.int[2])
}))
write(rank_sum, "rank_sum.csv")

# wilcox.test's own exact test and interval, without ties
u <- samples$untied
exact <- wilcox.test(u$x, u$y, exact = TRUE, conf.int = TRUE)
e2 <- wilcox.test(samples$unequal$x, samples$unequal$y, exact = TRUE, conf.int = TRUE)
write(data.frame(sample = c("untied", "unequal"), p = c(exact$p.value, e2$p.value),
  estimate = c(exact$estimate, e2$estimate), lower = c(exact$conf.int[1], e2$conf.int[1]),
  upper = c(exact$conf.int[2], e2$conf.int[2])), "rank_sum_exact.csv")

# --- chi-squared and Spearman -------------------------------------------------------------------------------------
tables <- rbind(c(12, 30, 10, 30), c(3, 10, 9, 11), c(1, 25, 0, 28))
write(do.call(rbind, apply(tables, 1, function(t) {
  test <- suppressWarnings(chisq.test(rbind(c(t[1], t[2] - t[1]), c(t[3], t[4] - t[3])), correct = FALSE))
  data.frame(count_first = t[1], n_first = t[2], count_second = t[3], n_second = t[4],
    statistic = unname(test$statistic), p = test$p.value)
})), "chi_squared.csv")
spearman <- function(x, y) {
  test <- suppressWarnings(cor.test(x, y, method = "spearman", exact = FALSE))
  data.frame(x = paste(x, collapse = " "), y = paste(y, collapse = " "), r = unname(test$estimate), p = test$p.value)
}
write(rbind(spearman(c(62, 70, 71, 71, 75, 80, 88, 66), c(0.3, 0.9, 0.4, 1.1, 1.1, 0.8, 2.0, 0.2)),
  spearman(1:12, c(3, 1, 2, 6, 5, 4, 9, 9, 7, 12, 11, 10))), "spearman.csv")

# --- quantiles, types 1 to 9 --------------------------------------------------------------------------------------
values <- list(c(3, 1, 4, 1, 5, 9, 2, 6), c(28, 31, 22, 44, 51, 50, 29), c(1.5, 2.25))
write(do.call(rbind, lapply(values, function(v) do.call(rbind, lapply(1:9, function(type)
  data.frame(values = paste(v, collapse = " "), type = type, q1 = quantile(v, 0.25, type = type),
    q3 = quantile(v, 0.75, type = type)))))), "quantiles.csv")

# --- the real trial -----------------------------------------------------------------------------------------------
# pbc.csv is made from data/pbc/pbc.xlsx by the call in README.md of this folder.
pbc <- read.csv("pbc.csv")
pbc <- pbc[!is.na(pbc$case), ]
cuts <- quantile(pbc$copper, c(1/3, 2/3), type = 7, na.rm = TRUE)
pbc$tertile <- c("T1", "T2", "T3")[findInterval(pbc$copper, cuts) + 1]
rows <- list()
for (outcome in c("bilirubin", "alkaline_phosphatase", "albumin")) for (visit in c("month_6", "year_1"))
  for (stratum in c("all", "T1", "T2", "T3")) {
    b <- pbc[[paste0(outcome, ".baseline")]]
    change <- signif(100 * (pbc[[paste0(outcome, ".", visit)]] - b) / b, 10)
    chosen <- if (stratum == "all") rep(TRUE, nrow(pbc)) else pbc$tertile %in% stratum
    x <- na.omit(change[chosen & pbc$treatment == "D-penicillamine"])
    y <- na.omit(change[chosen & pbc$treatment == "placebo"])
    n <- wilcox.test(x, y, exact = FALSE, correct = FALSE, conf.int = TRUE)
    rows[[length(rows) + 1]] <- data.frame(outcome, visit, stratum, n_first = length(x), n_second = length(y),
      median_first = median(x), median_second = median(y), u = unname(n$statistic), normal = n$p.value,
      normal_continuity = wilcox.test(x, y, exact = FALSE)$p.value,
      hodges_lehmann = median(outer(x, y, "-")), lower = n$conf.int[1], upper = n$conf.int[2])
  }
write(do.call(rbind, rows), "pbc_results.csv")
