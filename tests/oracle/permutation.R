# Oracle values for permutation tests, multiplicity and the best split. From this folder: Rscript permutation.R
# Writes permutation_data.csv (made-up numbers) and permutation.csv (quantity, value, call).
suppressMessages({library(coin); library(maxstat)})
set.seed(20240722)
n <- 11
d <- data.frame(arm = rep(c(1, 0), c(5, 6)), marker = round(rexp(n, 1 / 20) + 5, 1))
own <- rnorm(n)
d$a <- round(10 * (own + 2.2 * d$arm + rnorm(n, 0, 0.5)))       # whole numbers
d$b <- round(own + 0.5 * d$arm + rnorm(n, 0, 0.5), 0)           # ties
d$c <- round(rnorm(n), 2)
d$b[c(2, 9)] <- NA                                              # missing stays missing under permutation
d$c[4] <- NA
write.csv(d, "permutation_data.csv", row.names = FALSE, quote = FALSE, na = "")

out <- list()
add <- function(quantity, value, call) out[[length(out) + 1]] <<- data.frame(quantity, value = unname(value), call)
z <- function(y, g) {                    # rank-sum deviate, normal approximation, ties, no continuity correction
  g <- g[!is.na(y)]; y <- y[!is.na(y)]; r <- rank(y); m <- sum(g); k <- sum(1 - g); N <- m + k; t <- table(y)
  (sum(r[g == 1]) - m * (N + 1) / 2) / sqrt(m * k / 12 * ((N + 1) - sum(t^3 - t) / (N * (N - 1))))
}
names <- c("a", "b", "c")
observed <- sapply(names, function(v) z(d[[v]], d$arm))
splits <- combn(n, sum(d$arm))
all <- apply(splits, 2, function(s) sapply(names, function(v) z(d[[v]], as.numeric(seq_len(n) %in% s))))
for (v in names) {
  add(paste("z", v), observed[v], "z() in permutation.R")
  add(paste("p", v), mean(abs(all[v, ]) >= abs(observed[v]) - 1e-9), "share of combn(11, 5) with |z| as large")
}
# Westfall and Young's step-down max-T by hand over all 462 splits.
o <- order(-abs(observed)); last <- 0
for (i in seq_along(o)) {
  u <- apply(abs(all[o[i:length(o)], , drop = FALSE]), 2, max)
  last <- max(last, mean(u >= abs(observed[o[i]]) - 1e-9))
  add(paste("step-down", names[o[i]]), last, "step-down maxima over combn(11, 5)")
}
# The same for outcomes without missing values, from coin: 1,000,000 random splits.
full <- d[, c("arm", "a")]; full$e <- c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5); full$f <- c(9, 6, 8, 3, 4, 2, 7, 1, 2, 5, 0)
it <- independence_test(a + e + f ~ factor(arm), data = full, ytrafo = function(data) trafo(data, numeric_trafo = rank_trafo),
                        distribution = approximate(nresample = 1e6))
sd <- pvalue(it, method = "step-down")
for (v in c("a", "e", "f")) add(paste("coin step-down", v), sd[1, v],
  "coin: pvalue(independence_test(a + e + f ~ arm, rank_trafo, approximate(1e6)), method = 'step-down')")
add("coin exact e", pvalue(wilcox_test(e ~ factor(arm), data = full, distribution = "exact")),
    "coin: wilcox_test(e ~ arm, distribution = 'exact')")

p <- c(0.035, 0.049, 0.2, 0.001, 0.035, 0.9, 0.011)
for (i in seq_along(p)) {
  add(paste("holm", i), p.adjust(p, "holm")[i], "p.adjust(p, 'holm')")
  add(paste("bh", i), p.adjust(p, "BH")[i], "p.adjust(p, 'BH')")
}

# Maximally selected rank statistic: the best split of the response by the marker.
m <- 40
s <- data.frame(marker = round(rexp(m, 1 / 20) + 5, 0))
s$response <- round(rnorm(m) + 0.6 * (s$marker > 22), 1)
write.csv(s, "best_split_data.csv", row.names = FALSE, quote = FALSE)
ms <- maxstat.test(response ~ marker, data = s, smethod = "Wilcoxon", pmethod = "condMC", B = 200000,
                   minprop = 0.1, maxprop = 0.9)
add("maxstat statistic", ms$statistic, "maxstat: maxstat.test(response ~ marker, smethod = 'Wilcoxon', minprop = 0.1, maxprop = 0.9)")
add("maxstat cut", ms$estimate, "maxstat: the same, estimate: values up to it form the lower group")
add("maxstat p", ms$p.value, "maxstat: the same, pmethod = 'condMC', B = 200000")
cm <- maxstat_test(response ~ marker, data = s, ytrafo = function(data) trafo(data, numeric_trafo = rank_trafo),
                   minprob = 0.1, maxprob = 0.9, distribution = approximate(nresample = 200000))
add("coin maxstat statistic", statistic(cm), "coin: maxstat_test(response ~ marker, rank_trafo, minprob = 0.1, maxprob = 0.9)")
add("coin maxstat p", pvalue(cm), "coin: the same, approximate(nresample = 200000)")
add("splits", length(ms$cuts), "maxstat: number of cuts tried")
add("smallest cut", min(ms$cuts), "maxstat: the smallest cut tried")
add("largest cut", max(ms$cuts), "maxstat: the largest cut tried")
write.csv(do.call(rbind, out), "permutation.csv", row.names = FALSE)
