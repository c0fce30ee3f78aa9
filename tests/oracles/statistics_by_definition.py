"""Makes the literals of tests/statistics: every statistic from its textbook sums, tails by mpmath (30 digits).

Nothing here comes from scipy, numpy or statsmodels. Run: python tests/oracles/statistics_by_definition.py
"""

from __future__ import annotations

from itertools import product

from mpmath import betainc, erf, findroot, gamma, gammainc, inf, log, matrix, mp, mpf, quad, sqrt, tanh

mp.dps = 30

TABLE = [
    *([24.1, 10.2, 12.0], [19.5, 8.8, 9.9], [27.3, 13.1, 15.8], [22.0, 9.0, 9.4], [30.2, 15.5, 18.9]),
    *([18.7, 7.9, 11.1], [25.6, 12.4, 12.2], [21.4, 6.3, 9.7], [23.8, 11.7, 14.6], [26.9, 9.8, 13.3]),
]
MISSING = {(1, 2), (4, 1), (7, 2)}
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]  # Shrout & Fleiss 1979


def f_tail(f, d1, d2):
    return betainc(mpf(d2) / 2, mpf(d1) / 2, 0, d2 / (d2 + d1 * f), regularized=True)


def t_tail(t, df):
    return betainc(mpf(df) / 2, mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2


def t_quantile(p, df):
    return findroot(lambda t: t_tail(t, df) - (1 - p), 2)


def f_quantile(p, d1, d2):
    return findroot(lambda f: f_tail(f, d1, d2) - (1 - p), (mpf("0.05"), mpf("20")), solver="anderson", tol=1e-24)


def rm_anova(x):
    n, k = len(x), len(x[0])
    grand = sum(map(sum, x)) / (n * k)
    rows = [sum(r) / k for r in x]
    cols = [sum(r[j] for r in x) / n for j in range(k)]
    ss_cols = n * sum((c - grand) ** 2 for c in cols)
    ss_error = sum((x[i][j] - rows[i] - cols[j] + grand) ** 2 for i in range(n) for j in range(k))
    f = ss_cols / (k - 1) / (ss_error / ((n - 1) * (k - 1)))
    s = [[sum((r[a] - cols[a]) * (r[b] - cols[b]) for r in x) / (n - 1) for b in range(k)] for a in range(k)]
    # Box's formula with the mean of the diagonal, of the rows and of all covariances.
    diagonal, whole = sum(s[a][a] for a in range(k)) / k, sum(map(sum, s)) / k**2
    square = sum(v * v for r in s for v in r) - 2 * k * sum((sum(r) / k) ** 2 for r in s) + k**2 * whole**2
    epsilon = k**2 * (diagonal - whole) ** 2 / ((k - 1) * square)
    p = f_tail(f, epsilon * (k - 1), epsilon * (k - 1) * (n - 1))
    return {"F": f, "epsilon": epsilon, "p": p, "eta": ss_cols / (ss_cols + ss_error)}


def friedman(x):
    n, k = len(x), len(x[0])
    ranks = [[sum(b < a for b in r) + mpf(sum(b == a for b in r) + 1) / 2 for a in r] for r in x]
    sums = [sum(r[j] for r in ranks) for j in range(k)]
    chi2 = mpf(12) / (n * k * (k + 1)) * sum(s * s for s in sums) - 3 * n * (k + 1)
    return {"chi2": chi2, "p": gammainc(mpf(k - 1) / 2, chi2 / 2, inf, regularized=True)}


def mixed_model(x, missing):
    """REML with one random intercept: root of the score of the variance ratio, F as effects' C^-1 effects / (k - 1)."""
    k = len(x[0])
    cells = [(i, j) for i in range(len(x)) for j in range(k) if (i, j) not in missing]
    y = matrix([x[i][j] for i, j in cells])
    design = matrix([[1 if c == 0 or c == j else 0 for c in range(k)] for _, j in cells])

    def solve(ratio):
        v = matrix([[(1 if a == b else 0) + (ratio if a[0] == b[0] else 0) for b in cells] for a in cells])
        inverse = v**-1
        a = design.T * inverse * design
        beta = a**-1 * design.T * inverse * y
        e = y - design * beta
        s2 = (e.T * inverse * e)[0] / (len(cells) - k)
        return log(mp.det(v)) + log(mp.det(a)) + (len(cells) - k) * log(s2), beta, a, s2

    h = mpf("1e-8")
    ratio = findroot(lambda r: (solve(r + h)[0] - solve(r - h)[0]) / (2 * h), mpf(3))
    _, beta, a, s2 = solve(ratio)
    block = ((a**-1) * s2)[1:k, 1:k]
    df2 = len(cells) - len({i for i, _ in cells}) - (k - 1)
    f = (beta[1:k].T * block**-1 * beta[1:k])[0] / (k - 1)
    epsilon = epsilon_of_differences(x, missing)
    return {"F": f, "epsilon": epsilon, "df2": epsilon * df2, "p": f_tail(f, epsilon * (k - 1), epsilon * df2)}


def epsilon_of_differences(x, missing):
    """Greenhouse-Geisser for three phases in the variances a, b, c of their differences.

    The eigenvalues u, v of the double-centred covariance have u + v = (a + b + c) / 3 and, as for the squared sides of
    a triangle, 12 u v = 2 ab + 2 bc + 2 ca - a² - b² - c² over 4; epsilon is (u + v)² / (2 (u² + v²)).
    """

    def variance(i, j):
        d = [r[i] - r[j] for at, r in enumerate(x) if (at, i) not in missing and (at, j) not in missing]
        return sum((v - sum(d) / len(d)) ** 2 for v in d) / (len(d) - 1)

    a, b, c = variance(0, 1), variance(0, 2), variance(1, 2)
    total, product = (a + b + c) / 3, (2 * (a * b + b * c + c * a) - a * a - b * b - c * c) / 12
    return total**2 / (2 * (total**2 - 2 * product))


def paired(d):
    n = len(d)
    mean = sum(d) / n
    sd = sqrt(sum((v - mean) ** 2 for v in d) / (n - 1))
    t, half = mean / sd * sqrt(n), t_quantile(mpf("0.975"), n - 1) * sd / sqrt(n)

    def noncentral(delta):  # P(T <= t)
        df = n - 1
        front = 2 * (mpf(df) / 2) ** (mpf(df) / 2) / gamma(mpf(df) / 2)

        def density(s):  # of chi / sqrt(df)
            return front * s ** (df - 1) * mp.e ** (-df * s * s / 2)

        return quad(lambda s: density(s) * (1 + erf((t * s - delta) / sqrt(2))) / 2, [0, 0.5, 1, 1.5, 2, 4])

    ends = [
        findroot(lambda d, q=q: noncentral(d) - q, (t - 3, t + 3), solver="anderson", tol=1e-20) / sqrt(n)
        for q in (mpf("0.975"), mpf("0.025"))
    ]
    tost = max(t_tail((mean + 5) / sd * sqrt(n), n - 1), t_tail((5 - mean) / sd * sqrt(n), n - 1))
    return {
        "t": t,
        "p": 2 * t_tail(abs(t), n - 1),
        "low": mean - half,
        "high": mean + half,
        "dz": mean / sd,
        "dz_low": ends[0],
        "dz_high": ends[1],
        "tost5_p": tost,
    }


def wilcoxon(d):
    """All 2^n signs counted; Walsh averages for the estimate."""
    n = len(d)
    order = sorted(abs(v) for v in d)
    ranks = [order.index(abs(v)) + 1 for v in d]
    up = sum(r for r, v in zip(ranks, d, strict=True) if v > 0)
    total = n * (n + 1) // 2
    low = min(up, total - up)
    sums = [sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in product((0, 1), repeat=n)]
    p = min(mpf(1), 2 * mpf(sum(s <= low for s in sums)) / len(sums))
    walsh = sorted((d[i] + d[j]) / 2 for i in range(n) for j in range(i, n))
    m = len(walsh)
    rank = max(r for r in range(1, m) if mpf(sum(s < r for s in sums)) / len(sums) <= mpf("0.025"))
    r = mpf(up - (total - up)) / total
    half = mpf("1.959963984540054") * sqrt(mpf(2 * n**3 + 3 * n**2 + n) / 6) / total
    z = log((1 + r) / (1 - r)) / 2
    return {
        "W": low,
        "p": p,
        "hl": (walsh[(m - 1) // 2] + walsh[m // 2]) / 2,
        "low": walsh[rank - 1],
        "high": walsh[-rank],
        "r": r,
        "r_low": tanh(z - half),
        "r_high": tanh(z + half),
    }


def sign_test(up, n):
    p = min(mpf(1), 2 * sum(mp.binomial(n, i) for i in range(max(up, n - up), n + 1)) / mpf(2) ** n)
    low = findroot(lambda q: betainc(up, n - up + 1, 0, q, regularized=True) - mpf("0.025"), mpf("0.55"))
    high = findroot(lambda q: betainc(up + 1, n - up, 0, q, regularized=True) - mpf("0.975"), mpf("0.995"))
    return {"p": p, "low": low, "high": high}


def icc(x):
    n, k = len(x), len(x[0])
    grand = mpf(sum(map(sum, x))) / (n * k)
    rows, cols = [mpf(sum(r)) / k for r in x], [mpf(sum(r[j] for r in x)) / n for j in range(k)]
    msr = k * sum((r - grand) ** 2 for r in rows) / (n - 1)
    msc = n * sum((c - grand) ** 2 for c in cols) / (k - 1)
    mse = sum((x[i][j] - rows[i] - cols[j] + grand) ** 2 for i in range(n) for j in range(k)) / ((n - 1) * (k - 1))
    value = (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)
    # Shrout & Fleiss 1979, p. 424, written with F_J = msc / mse.
    fj = msc / mse
    v = (
        (k - 1)
        * (n - 1)
        * (k * value * fj + n * (1 + (k - 1) * value) - k * value) ** 2
        / ((n - 1) * k**2 * value**2 * fj**2 + (n * (1 + (k - 1) * value) - k * value) ** 2)
    )
    above, below = f_quantile(mpf("0.975"), n - 1, v), f_quantile(mpf("0.975"), v, n - 1)
    low = n * (msr - above * mse) / (above * (k * msc + (k * n - k - n) * mse) + n * msr)
    high = n * (below * msr - mse) / (k * msc + (k * n - k - n) * mse + n * below * msr)
    sem = sqrt((msc - mse) / n + mse)
    return {"icc": value, "low": low, "high": high, "sem": sem}


def bland_altman(a, b):
    d = [mpf(x) - y for x, y in zip(a, b, strict=True)]
    n = len(d)
    mean = sum(d) / n
    sd = sqrt(sum((v - mean) ** 2 for v in d) / (n - 1))
    z, t = mpf("1.959963984540054"), t_quantile(mpf("0.975"), n - 1)
    half = t * sqrt(sd**2 / n + z**2 * sd**2 / (2 * (n - 1)))
    return {
        "bias": mean,
        "sd": sd,
        "bias_high": mean + t * sd / sqrt(n),
        "upper": mean + z * sd,
        "upper_low": mean + z * sd - half,
        "upper_high": mean + z * sd + half,
    }


if __name__ == "__main__":
    exact = [[mpf(str(v)) for v in row] for row in TABLE]
    change = [row[2] - row[1] for row in exact]
    results = {
        "rm_anova": rm_anova(exact), "friedman": friedman(exact), "mixed": mixed_model(exact, MISSING),
        "paired": paired(change), "wilcoxon": wilcoxon([v + mpf(i) / 1000 for i, v in enumerate(change)]),
        "sign": sign_test(9, 10), "icc": icc(JUDGES),
        "bland_altman": bland_altman([r[0] for r in JUDGES], [r[3] for r in JUDGES]),
    }  # fmt: skip
    for name, values in results.items():
        print(name, {key: float(mp.nstr(v, 12)) for key, v in values.items()})
