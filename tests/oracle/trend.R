# Writes trend.csv. From this folder: Rscript trend.R (R 4.2.2, no package).
# z of Kendall's correlation with the group numbers is that of Jonckheere and Terpstra's statistic, ties included.
cases <- list(
  untied = list(c(40, 35, 38, 43, 44, 41), c(38.5, 40.5, 47, 44.5, 40.2, 42), c(48, 40.1, 45, 43.5, 46, 44.2)),
  tied   = list(c(40, 35, 38, 43, 44, 41), c(38, 40, 47, 44, 40, 42), c(48, 40, 45, 43, 46, 44)), # Hollander and Wolfe
  five   = list(c(1, 1, 2), c(3, 2), c(2, 2, 1, 4), 5, c(3, 1)),
  falls  = list(c(9, 8, 8, 7), c(6, 7, 8), c(2, 3, 6, 6, 5))
)
write.csv(do.call(rbind, lapply(names(cases), function(name) {
  groups <- cases[[name]]; x <- unlist(groups); g <- rep(seq_along(groups), lengths(groups))
  test <- suppressWarnings(cor.test(x, g, method = "kendall", exact = FALSE))
  data.frame(case = name, values = paste(x, collapse = " "), groups = paste(g, collapse = " "),
    z = format(unname(test$statistic), digits = 15), p = format(test$p.value, digits = 15),
    call = 'cor.test(x, g, method = "kendall", exact = FALSE)')
})), "trend.csv", row.names = FALSE)
