# The literals of tests/statistics once more, by R: Rscript tests/oracles/statistics.R
# Needs lme4 and psych (Debian: r-base-core r-cran-lme4 r-cran-psych). The tables are those of statistics_by_definition.py.
options(digits = 12)
x <- matrix(c(24.1, 10.2, 12.0, 19.5, 8.8, 9.9, 27.3, 13.1, 15.8, 22.0, 9.0, 9.4, 30.2, 15.5, 18.9,
              18.7, 7.9, 11.1, 25.6, 12.4, 12.2, 21.4, 6.3, 9.7, 23.8, 11.7, 14.6, 26.9, 9.8, 13.3), ncol = 3, byrow = TRUE)
n <- nrow(x)
show <- function(name, ...) cat(name, paste(names(c(...)), format(c(...), digits = 12), collapse = "  "), "\n")

fit <- lm(x ~ 1)
test <- anova(fit, X = ~1, test = "Spherical")
epsilon <- attr(test, "heading")[grepl("Greenhouse", attr(test, "heading"))]
show("rm_anova", F = test$F[1], p_greenhouse_geisser = test$`G-G Pr`[1]); cat(epsilon, "\n")

f <- friedman.test(x); show("friedman", chi2 = unname(f$statistic), p = f$p.value)

greenhouse_geisser <- function(m) {  # from the variances of the differences, each of the patients who have both phases
  k <- ncol(m); D <- matrix(0, k, k); H <- diag(k) - 1 / k
  for (i in 1:k) for (j in 1:k) if (i != j) D[i, j] <- var(m[, i] - m[, j], na.rm = TRUE)
  S <- -H %*% D %*% H / 2
  sum(diag(S))^2 / ((k - 1) * sum(S * S))
}
long <- data.frame(y = c(t(x)), phase = factor(rep(1:3, n)), patient = factor(rep(1:n, each = 3)))
gaps <- long; gaps$y[c(2 * 3, 4 * 3 + 2, 7 * 3 + 3)] <- NA  # patients 2, 5, 8: last, post, last
mixed <- function(d) {
  m <- lme4::lmer(y ~ phase + (1 | patient), d, REML = TRUE,
                  control = lme4::lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12)))
  b <- lme4::fixef(m)[2:3]; v <- as.matrix(vcov(m))[2:3, 2:3]; F <- drop(b %*% solve(v, b)) / 2
  e <- greenhouse_geisser(matrix(d$y, ncol = 3, byrow = TRUE)); df2 <- e * (sum(!is.na(d$y)) - n - 2)
  show("mixed", F = F, epsilon = e, df2 = df2, p = pf(F, e * 2, df2, lower.tail = FALSE))
}
mixed(gaps); mixed(long)

d <- x[, 3] - x[, 2]
t <- t.test(d); show("paired", t = unname(t$statistic), p = t$p.value, low = t$conf.int[1], high = t$conf.int[2])
end <- function(share) uniroot(function(nc) pt(unname(t$statistic), n - 1, nc) - share, c(-5, 20), tol = 1e-13)$root / sqrt(n)
show("dz", dz = mean(d) / sd(d), low = end(0.975), high = end(0.025))
tost <- max(t.test(d, mu = -5, alternative = "greater")$p.value, t.test(d, mu = 5, alternative = "less")$p.value)
show("tost", p = tost)
w <- wilcox.test(d + (0:9) / 1000, conf.int = TRUE, exact = TRUE)
show("wilcoxon", V = unname(w$statistic), p = w$p.value, hl = unname(w$estimate), low = w$conf.int[1], high = w$conf.int[2])
ties <- c(1, 1, -2, 3, 4, 4, 0, 5, -1, 6)
show("wilcoxon with ties", p = wilcox.test(ties, exact = FALSE, correct = FALSE)$p.value)
b <- binom.test(9, 10); show("sign", p = b$p.value, low = b$conf.int[1], high = b$conf.int[2])
show("shapiro", p = shapiro.test(d)$p.value)
show("holm", p.adjust(c(0.03, 0.01, 0.02), "holm"))

j <- matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7), ncol = 4, byrow = TRUE)
icc <- psych::ICC(j, lmer = FALSE)$results[2, ]
show("icc(2,1)", icc = icc$ICC, low = icc$`lower bound`, high = icc$`upper bound`)
e <- j[, 1] - j[, 4]; show("bland_altman", bias = mean(e), high = t.test(e)$conf.int[2], upper = mean(e) + qnorm(0.975) * sd(e))

g <- matrix(c(2, 3, 3, 3, 4, 4, 1, 2, 3, 4, 4, 4, 2, 3, 4), ncol = 3, byrow = TRUE)
f <- friedman.test(g); show("friedman of grades", chi2 = unname(f$statistic), p = f$p.value)
