# Writes brunner_munzel.csv and welch.csv. From this folder: Rscript two_sample.R (R 4.2.2, no package).
samples <- list(
  untied = list(x = c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30), y = c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29)),
  tied   = list(x = c(1, 2, 2, 3, 5, 5, 5, 8), y = c(2, 3, 3, 4, 6, 7, 9, 9, 9, 10)),
  spread = list(x = c(-12, 3, 4, 30, -25, 18, 2), y = c(1, 2, 1.5, 3, 2.5, 2, 1, 4, 3.5))
)
# Brunner and Munzel (2000), formulas 2.3 to 2.5 and 4.1, written out; no package of Debian has the test.
brunner_munzel <- function(x, y) {
  n <- length(x); m <- length(y); r <- rank(c(x, y)); mx <- mean(r[1:n]); my <- mean(r[n + 1:m])
  vx <- sum((r[1:n] - rank(x) - mx + (n + 1) / 2)^2) / (n - 1)
  vy <- sum((r[n + 1:m] - rank(y) - my + (m + 1) / 2)^2) / (m - 1)
  t <- n * m * (mx - my) / (n + m) / sqrt(n * vx + m * vy) # positive where x is larger
  df <- (n * vx + m * vy)^2 / ((n * vx)^2 / (n - 1) + (m * vy)^2 / (m - 1))
  data.frame(statistic = t, df = df, p = 2 * pt(-abs(t), df), call = "Brunner and Munzel (2000), 4.1")
}
welch <- function(x, y) {
  w <- t.test(x, y)
  data.frame(statistic = unname(w$statistic), df = unname(w$parameter), p = w$p.value, lower = w$conf.int[1],
    upper = w$conf.int[2], call = "t.test(x, y)")
}
write <- function(test, file) write.csv(do.call(rbind, lapply(names(samples), function(name) {
  s <- samples[[name]]
  cbind(sample = name, x = paste(s$x, collapse = " "), y = paste(s$y, collapse = " "),
    format(test(s$x, s$y), digits = 15, trim = TRUE))
})), file, row.names = FALSE)
write(brunner_munzel, "brunner_munzel.csv")
write(welch, "welch.csv")
