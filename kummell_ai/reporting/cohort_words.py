"""The words of the cohort's page, in English and Simplified Chinese."""

from __future__ import annotations

LANGUAGES = ("en", "zh")

_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Cohort report", "队列报告"),
    "research_use": ("Research use, not a medical device", "仅供研究，非医疗器械"),
    "patients": ("Patients", "患者"),
    "films": ("Films", "影像"),
    "table": ("Course of the cohort", "队列病程"),
    "measure": ("Measure", "指标"),
    "pre-op": ("Before surgery", "术前"),
    "post-op": ("After surgery", "术后"),
    "follow-up": ("Last follow-up", "末次随访"),
    "overall": ("All phases", "总体"),
    "pairs": ("Comparisons of pairs", "两两比较"),
    "pair": ("Pair", "比较"),
    "change": ("Change (95 % CI)", "变化 (95 % CI)"),
    "test": ("Test", "检验"),
    "p": ("P (Holm)", "P (Holm)"),
    "effect": ("Effect size (95 % CI)", "效应量 (95 % CI)"),
    "maintained": ("Maintained (TOST)", "维持 (TOST)"),
    "yes": ("yes", "是"),
    "not_shown": ("not shown", "未证实"),
    "figures": ("Figures", "图"),
    "courses": ("Course of every patient and mean", "各患者病程与均值"),
    "boxes": ("Median, quartiles, range", "中位数、四分位数、范围"),
    "waterfall": ("Change from before surgery to the last value, by patient", "各患者术前至末次的变化"),
    "agreement": ("Agreement with manual readings", "与人工测量的一致性"),
    "bias": ("Bias", "偏倚"),
    "limits": ("Limits of agreement", "一致性界限"),
    "methods": ("Methods", "方法"),
    "flow": ("Flow of films", "影像流程"),
    "given": ("given", "提供"),
    "used": ("used", "使用"),
    "refused": ("refused", "拒绝"),
    "unused": ("measured, not in the statistics", "已测量，未纳入统计"),
    "problems": ("Problems", "问题"),
    "level": ("Injured level", "伤椎"),
    "missing": ("missing", "缺失"),
    "anterior_height": ("Anterior vertebral height (mm)", "椎体前缘高度 (mm)"),
    "segmental_cobb": ("Segmental kyphosis, Cobb (°)", "节段后凸 Cobb 角 (°)"),
    "wedge_angle": ("Wedge angle (°)", "楔形角 (°)"),
    "vas": ("VAS (0–10)", "VAS (0–10)"),
    "odi": ("ODI (0–100)", "ODI (0–100)"),
    "frankel": ("Frankel grade", "Frankel 分级"),
    "signs": ("Kyphosis is positive, lordosis negative.", "后凸为正，前凸为负。"),
    "caption": (
        "Mean ± SD where every phase passes Shapiro-Wilk, else median (quartiles); grades as counts. "
        "n where values are missing. P values of pairs are corrected by Holm. "
        "An effect size has no interval where all differences point one way.",
        "各时相均通过 Shapiro-Wilk 检验者为均数 ± 标准差，否则为中位数（四分位数）；等级以例数表示。"
        "有缺失时注明 n。两两比较 P 值经 Holm 校正。所有差值方向一致时效应量无置信区间。",
    ),
    "method_text": (
        "Vertebral corners were located on lateral films by {software} (model {model}, weights {weights}) "
        "and measured by its definitions {definitions}: anterior height between the anterior corners of "
        "the injured vertebra; segmental kyphosis from the superior endplate of the level above to the "
        "inferior endplate of the level below; wedge angle between the endplates of the injured vertebra. "
        "The film before surgery, the first after it and the last follow-up count. Missing values stay "
        "missing. Differences between phases were tested for normality (Shapiro-Wilk). Normal: "
        "repeated-measures ANOVA with Greenhouse-Geisser correction, or a linear mixed model with a random "
        "intercept (REML) where values are missing, and paired t tests with Cohen's dz; else Friedman and "
        "Wilcoxon signed-rank tests with the rank-biserial correlation. Grades: Friedman and exact sign "
        'tests. Pairs were corrected by Holm\'s rule. Equivalence ("maintained") was tested by two '
        "one-sided t tests within {margins}. P < 0.05 counts as significant. Statistics by scipy {scipy} "
        "and statsmodels {statsmodels}.",
        "侧位片椎体角点由 {software}（模型 {model}，权重 {weights}）定位，并按其定义"
        " {definitions} 测量：伤椎前缘高度为前方两角点间距离；节段后凸为上位椎体上终板至下位椎体下"
        "终板的 Cobb 角；楔形角为伤椎上、下终板夹角。采用术前、术后首次及末次随访影像。缺失值保持缺失。各时"
        "相差值以 Shapiro-Wilk 检验正态性：正态者采用重复测量方差分析（Greenhouse-Gei"
        "sser 校正），有缺失时采用随机截距线性混合模型（REML），两两比较用配对 t 检验及 Cohen'"
        "s dz；非正态者采用 Friedman 检验及 Wilcoxon 符号秩检验和秩二列相关。等级资料采用"
        " Friedman 检验与精确符号检验。两两比较经 Holm 校正。“维持”以双单侧 t 检验（TOST"
        "）检验，界值为 {margins}。P < 0.05 为有统计学意义。统计软件：scipy {scipy"
        "}、statsmodels {statsmodels}。",
    ),
}


def words(language: str) -> dict[str, str]:
    """All words of a language.

    >>> words("zh")["pre-op"]
    '术前'
    """
    place = LANGUAGES.index(language)
    return {key: texts[place] for key, texts in _TEXTS.items()}
