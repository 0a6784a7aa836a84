# Oracle values for the sensitivity analyses. From this folder: Rscript sensitivity.R
# Writes sensitivity_data.csv (made-up numbers) and sensitivity.csv (quantity, value, call).
suppressMessages({library(sandwich); library(lmerTest); library(mice); library(pROC)})
set.seed(20240722)
n <- 48
d <- data.frame(
  participant = sprintf("P%02d", 1:n),
  arm = rep(c(1, 0), each = n / 2),
  marker = round(rexp(n, 1 / 20) + 5, 1),
  baseline = round(exp(rnorm(n, 3.8, 0.35)))
)
d$upper <- as.integer(d$marker >= quantile(d$marker, 2 / 3))
own <- rnorm(n, 0, 0.15)
for (v in c("week_2", "week_4", "week_20"))
  d[[v]] <- round(d$baseline * exp(0.1 * d$arm + 0.15 * d$arm * d$upper + own + rnorm(n, 0, 0.2)))
d$week_4[c(3, 30)] <- NA
d$week_20[c(3, 11, 30, 44)] <- NA
write.csv(d, "sensitivity_data.csv", row.names = FALSE, quote = FALSE, na = "")

rows <- list()
keep <- function(quantity, expression) {
  call <- paste(trimws(deparse(substitute(expression), width.cutoff = 500)), collapse = " ")
  rows[[length(rows) + 1]] <<- data.frame(quantity, value = sprintf("%.12g", expression), call)
}
hc3 <- function(model, i, extra = 0) {
  b <- coef(model)[[i]]; s <- sqrt(vcovHC(model, type = "HC3")[i, i]); df <- df.residual(model)
  c(b, s, 2 * pt(-abs(b / s), df), b - qt(0.975, df) * s, b + qt(0.975, df) * s)
}
d$log_ratio <- log(d$week_20 / d$baseline)
d$percent <- 100 * (d$week_20 - d$baseline) / d$baseline
named <- function(stem, names) paste(stem, names, sep = ".")
fields <- c("estimate", "standard_error", "p", "lower", "upper")
keep(named("ancova_log", fields), hc3(lm(log(week_20) ~ arm + log(baseline), d), "arm"))
keep(named("ancova_percent", fields), hc3(lm(percent ~ arm + baseline, d), "arm"))
seen <- d[!is.na(d$log_ratio), ]
seen$standard <- (seen$marker - mean(seen$marker)) / sd(seen$marker)
keep(named("marker_interaction", fields), hc3(lm(log_ratio ~ arm * standard, seen), "arm:standard"))

placed <- function(stratum) {
  s <- d[d$upper == stratum & !is.na(d$percent), ]
  r <- roc(s$arm, s$percent, levels = c(0, 1), direction = "<", quiet = TRUE)
  c(as.numeric(auc(r)), var(r, method = "delong"))
}
keep(named("mann_whitney_upper", c("effect", "variance")), placed(1))
keep(named("mann_whitney_lower", c("effect", "variance")), placed(0))

long <- reshape(d[, c("participant", "arm", "baseline", "week_2", "week_4", "week_20")], direction = "long",
                varying = c("week_2", "week_4", "week_20"), v.names = "value", timevar = "visit", times = 1:3)
long$y <- log(long$value / long$baseline)
long$visit <- factor(long$visit)
fit <- lmer(y ~ 0 + visit + visit:arm + log(baseline) + (1 | participant), long, control = lmerControl(optCtrl = list(xtol_abs = 1e-10)))
contrast <- function(weights) unlist(contest1D(fit, weights, confint = TRUE)[c("Estimate", "Std. Error", "df", "Pr(>|t|)")])
mixed <- c("estimate", "standard_error", "df", "p")
keep(named("mixed_week_20", mixed), contrast(as.numeric(names(fixef(fit)) == "visit3:arm")))
keep(named("mixed_mean", mixed), contrast(as.numeric(grepl(":arm", names(fixef(fit)))) / 3))

pooling <- function(...) { p <- pool.scalar(..., rule = "rubin1987")
  c(p$qbar, sqrt(p$t), p$df, (1 + 1 / p$m) * p$b / p$t) }
keep(named("pool", c("estimate", "standard_error", "df", "missing_share")),
     pooling(c(1.2, 0.8, 1.5, 0.9, 1.1), c(0.30, 0.25, 0.28, 0.33, 0.29), n = 60, k = 2))
keep(named("pool_large", c("estimate", "standard_error", "df", "missing_share")),
     pooling(c(1.2, 0.8, 1.5, 0.9, 1.1), c(0.30, 0.25, 0.28, 0.33, 0.29)))

keep("power.sd_27", power.t.test(n = 27, delta = 19.8, power = 0.9, strict = TRUE, sd = NULL)$sd)
keep("power.power_30", power.t.test(n = 30, delta = 19.8, sd = 22, strict = TRUE)$power)
uneven <- function(n1, n2, delta, sd) {
  df <- n1 + n2 - 2; ncp <- delta / (sd * sqrt(1 / n1 + 1 / n2)); q <- qt(0.975, df)
  pt(q, df, ncp, lower.tail = FALSE) + pt(-q, df, ncp)
}
keep("power.power_10_11", uneven(10, 11, 19.8, 22))
beyond <- function(D, s, df) { # Gelman and Carlin's definitions, by numerical integration
  q <- qt(0.975, df); f <- function(t) abs(D + s * t) * dt(t, df)
  high <- q - D / s; low <- -q - D / s
  power <- pt(high, df, lower.tail = FALSE) + pt(low, df)
  mean <- integrate(f, high, Inf, rel.tol = 1e-11)$value + integrate(f, -Inf, low, rel.tol = 1e-11)$value
  c(power, pt(low, df) / power, mean / power / D)
}
keep(named("exaggeration", c("power", "wrong_sign", "ratio")), beyond(0.5, 0.4, 19))
write.csv(do.call(rbind, rows), "sensitivity.csv", row.names = FALSE)
