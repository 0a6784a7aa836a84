# Writes mixed_data.csv (made-up numbers, two intraclass correlations) and mixed.csv. From this folder: Rscript mixed.R
# (R 4.2.2, lmerTest 3.1-3). The second correlation, 0.9995, is near the edge.
suppressMessages(library(lmerTest))
set.seed(7)
n <- 24
d <- expand.grid(participant = 1:n, visit = 1:3, icc = c("0.3", "0.9995"))
d$arm <- as.integer(d$participant <= 11)
icc <- as.numeric(as.character(d$icc))
d$y <- signif(sqrt(icc) * rnorm(n)[d$participant] + sqrt(1 - icc) * rnorm(nrow(d)), 9)
d$y[c(5, 40, 101, 120)] <- NA
write.csv(d, "mixed_data.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(do.call(rbind, lapply(levels(d$icc), function(level) {
  fit <- lmer(y ~ arm + (1 | participant), d[d$icc == level, ], control = lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12)))
  k <- contest1D(fit, c(0, 1), confint = TRUE)
  data.frame(icc = level, estimate = k$Estimate, standard_error = k$`Std. Error`, df = k$df, p = k$`Pr(>|t|)`,
    call = "contest1D(lmer(y ~ arm + (1 | participant)), c(0, 1))")
})), "mixed.csv", row.names = FALSE)
