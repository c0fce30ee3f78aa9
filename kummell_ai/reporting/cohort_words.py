"""The words of the cohort's page, in English and Simplified Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping

LANGUAGES = ("en", "zh")

_TEXTS: dict[str, tuple[str, str]] = {
    "language": ("en", "zh"),
    "title": ("Cohort report", "队列报告"),
    "research_use": ("Research use, not a medical device", "仅供研究，非医疗器械"),
    "simulated": ("Simulated films", "模拟影像"),
    "simulated_method": ("Films are simulated. ", "影像为模拟影像。"),
    "too_narrow": (
        "The 95 % intervals of single values were set on simulated films. On real films the errors are larger: the "
        "report of a patient and the count of patients call more changes improved or worse than they should. The tests "
        "between phases do not use these intervals.",
        "单个数值的 95 % 区间依据模拟影像设定。真实影像的误差更大：单例报告及患者计数中判为改善或恶化者可能偏多。"
        "各时相间的检验不使用这些区间。",
    ),
    "not_calibrated": (
        "The 95 % intervals of single values were never set on films with known corners: how often they hold is not "
        "known. The report of a patient and the count of patients may call too many or too few changes improved or "
        "worse. The tests between phases do not use these intervals.",
        "单个数值的 95 % 区间未经校准，其覆盖率未知：单例报告及患者计数中判为改善或恶化者可能偏多或偏少。"
        "各时相间的检验不使用这些区间。",
    ),
    "shared_method": (
        " The films of a patient were measured together: vertebrae without a fracture were given one shape on all of "
        "them.",
        "同一患者的各张影像共同测量：未骨折的椎体在各张影像上取同一形状。",
    ),
    "too_narrow_method": (
        " Intervals of single values were set on simulated films and are too narrow for real ones.",
        "单个数值的区间依据模拟影像设定，对真实影像偏窄。",
    ),
    "not_calibrated_method": (
        " Intervals of single values were not calibrated.",
        "单个数值的区间未经校准。",
    ),
    "patients": ("Patients", "患者"),
    "films": ("Films", "影像"),
    "table": ("Course of the cohort", "各时相测量结果"),
    "measure": ("Measure", "指标"),
    "pre-op": ("Pre-op", "术前"),
    "post-op": ("Post-op", "术后"),
    "follow-up": ("Last follow-up", "末次随访"),
    "overall": ("All phases", "总体"),
    "pairs": ("Comparisons of pairs", "两两比较"),
    "pair": ("Pair", "比较"),
    "change": ("Change (95 % CI)", "变化（95 % CI）"),
    "test": ("Test", "检验"),
    "p": ("P (Holm)", "P（Holm 校正）"),
    "effect": ("Effect size (95 % CI)", "效应量（95 % CI）"),
    "p_plain": ("P", "P"),
    "directions": (
        "improved {up}, worsened {down}, unchanged {same} of {n}",
        "共 {n} 例：改善 {up}，恶化 {down}，不变 {same}",
    ),
    "unchanged": ("{n} unchanged", "{n} 例不变"),
    "of_changed": ("of those changed {share} % improved", "变化者中改善 {share} %"),
    "behind": ("Patients and films", "患者与影像"),
    "posture_none": ("posture not recorded", "体位未记录"),
    "posture_SUPINE": ("supine", "仰卧位"),
    "posture_PRONE": ("prone", "俯卧位"),
    "posture_DECUBITUS": ("decubitus", "侧卧位"),
    "posture_RECUMBENT": ("recumbent", "卧位"),
    "posture_LYING": ("lying", "卧位"),
    "posture_ERECT": ("erect", "直立位"),
    "posture_UPRIGHT": ("upright", "直立位"),
    "posture_STANDING": ("standing", "站立位"),
    "posture_SITTING": ("sitting", "坐位"),
    "posture_text": (
        "Of {n} patients with films of several phases, {mixed} have films in different postures; for {unknown} a "
        "posture is not recorded. Lying or sitting alone moves heights by 6 mm and angles by 10°: tests and verdicts "
        "hold for films in one position only.",
        "有多个时相影像的 {n} 例患者中，{mixed} 例各影像体位不同，{unknown} 例有影像未记录体位。"
        "仅卧位与坐位之别即可使高度变化 6 mm、角度变化 10°：各项检验与判定仅适用于同一体位的影像。",
    ),
    "levels_text": (
        "Injured level (patients): {levels}. Patients with a further injured level: {further}.",
        "伤椎节段（例数）：{levels}。另有其他伤椎者 {further} 例。",
    ),
    "verdicts": ("Patients beyond the minimal detectable change", "超出最小可测变化的患者"),
    "verdicts_text": (
        "Each patient's change is held against the minimal detectable change of that patient's films (95 %), as on the "
        "patient's page; not known: a film or an interval is missing, or heights have no common scale.",
        "每例患者的变化与其影像的最小可测变化（95 %）比较，与患者报告一致；未知：缺少影像或区间，或高度无共同比例。",
    ),
    "improved": ("Improved", "改善"),
    "worse": ("Worse", "恶化"),
    "within_error": ("Within the error", "误差范围内"),
    "unknown": ("Not known", "未知"),
    "margin": ("Change within margin (TOST)", "变化在界值内（双单侧检验）"),
    "within": ("yes", "是"),
    "within_changed": ("yes: changed on average, by less than {margin}", "是：平均有变化，但小于 {margin}"),
    "not_shown": ("not shown", "未证实"),
    "margin_of": ("± {margin} for {measure}", "{measure} ± {margin}"),
    "comma": (", ", "，"),
    "stop": (".", "。"),
    "gap": (" ", ""),
    "open": (" (", "（"),
    "close": (")", "）"),
    "used_of": ("{used} of {given}", "{used}（共 {given}）"),
    "report": ("Report", "报告"),
    "level_found": ("level found", "节段自动判定"),
    "figures": ("Figures", "图"),
    "courses": ("Every patient, and mean with 95 % interval", "各患者，均值与 95 % 区间"),
    "courses_ranks": ("Every patient, and median with quartiles", "各患者，中位数与四分位数"),
    "bias_said": ("bias (program minus reader)", "偏倚（程序减人工）"),
    "no_change": ("Unchanged", "无变化"),
    "waterfall_said": (
        "{n} patients, changes {low} to {high}; improved {better}, worse {worse}, within the error or unchanged {rest}",
        "{n} 例患者，变化 {low} 至 {high}；改善 {better}，恶化 {worse}，误差范围内或无变化 {rest}",
    ),
    "boxes": ("Median, quartiles, range", "中位数、四分位数、范围"),
    "waterfall": ("Change, pre-op to last", "术前至末次的变化"),
    "agreement": ("Agreement with manual readings", "与人工测量的一致性"),
    "films_patients": ("Films (patients)", "影像数（患者数）"),
    "films_of": ("{films} ({patients})", "{films}（{patients}）"),
    "films_of_said": ("{films} films of {patients} patients", "{patients} 例患者的 {films} 张影像"),
    "phases_pooled": ("phases pooled", "各时相合并"),
    "agreement_text": (
        "Of the films that stand for a phase. Pooled phases differ more than patients of one phase do, which raises "
        "the ICC: for one phase read its own row, given from ten films on. Where patients have several films the "
        "intervals are of a bootstrap over patients, since errors on films of one patient are alike.",
        "仅含代表各时相的影像。时相间差异大于同一时相内患者间差异，合并各时相会使 ICC 偏高；"
        "单一时相的一致性见其各自行（不少于 10 张影像时给出）。"
        "同一患者有多张影像时误差彼此相关，区间按患者重抽样（bootstrap）得出。",
    ),
    "bias": ("Bias, program minus reader (95 % CI)", "偏倚，程序减人工（95 % CI）"),
    "mean_axis": ("mean of program and reader ({unit})", "程序与人工的均值（{unit}）"),
    "difference_axis": ("program minus reader ({unit})", "程序减人工（{unit}）"),
    "limits": ("Limits of agreement", "一致性界限"),
    "icc": ("ICC(2,1) (95 % CI)", "ICC(2,1)（95 % CI）"),
    "methods": ("Methods", "方法"),
    "flow": ("Flow of films", "影像流程"),
    "refused": ("refused", "拒绝"),
    "unused": ("measured, not in the statistics", "已测量，未纳入统计"),
    "to": ("to", "至"),
    "then": ("; ", "；"),
    "check": ("Check", "核对"),
    "problems": ("Problems", "问题"),
    "rule_ordinal": (
        "Grades: Friedman test over the phases, exact sign test for pairs.",
        "等级资料：各时相用 Friedman 检验，两两比较用精确符号检验。",
    ),
    "rule_ranks": (
        "Differences not normal (Shapiro-Wilk, {why}): Friedman and Wilcoxon signed-rank tests.",
        "差值不符合正态分布（Shapiro-Wilk，{why}）：采用 Friedman 检验与 Wilcoxon 符号秩检验。",
    ),
    "rule_untested": (
        "Differences not shown to be normal (too few or equal values for Shapiro-Wilk): Friedman and Wilcoxon "
        "signed-rank tests.",
        "数据过少或全部相等，无法以 Shapiro-Wilk 检验差值的正态性：采用 Friedman 检验与 Wilcoxon 符号秩检验。",
    ),
    "rule_mixed": (
        "Differences normal (Shapiro-Wilk, smallest {why}); values are missing: linear mixed model over all patients "
        "(Greenhouse-Geisser), paired t tests for pairs.",
        "差值符合正态分布（Shapiro-Wilk，最小 {why}），有缺失值：全体患者采用线性混合模型（Greenhouse-Geisser），"
        "两两比较用配对 t 检验。",
    ),
    "rule_normal": (
        "Differences normal (Shapiro-Wilk, smallest {why}): repeated-measures ANOVA (Greenhouse-Geisser) and paired t "
        "tests.",
        "差值符合正态分布（Shapiro-Wilk，最小 {why}）：采用重复测量方差分析（Greenhouse-Geisser）与配对 t 检验。",
    ),
    "follow_up_length": (
        "Last follow-up {mean:.1f} months after surgery (range {low:.1f} to {high:.1f}, n = {n}).",
        "末次随访为术后 {mean:.1f} 个月（范围 {low:.1f} 至 {high:.1f}，n = {n}）。",
    ),
    "flow_films": ("Films given", "提供的影像"),
    "flow_refused": ("Films refused", "拒绝的影像"),
    "flow_unused": ("Films measured, not in the statistics", "已测量但未纳入统计的影像"),
    "flow_used": ("Films in the statistics", "纳入统计的影像"),
    "flow_patients": ("Patients with a readable film", "有可读影像的患者"),
    "flow_members": ("Patients in the table", "纳入表中的患者"),
    "flow_complete": ("with a film of every phase", "各时相影像齐全"),
    "flow_incomplete": ("with a missing phase", "缺少时相"),
    "flow_inputs": ("Other faults of the inputs", "其他输入问题"),
    "film-unreadable": ("film cannot be read", "影像无法读取"),
    "film-copy": ("copy of another film", "重复的影像"),
    "film-not-measured": ("film cannot be measured", "影像无法测量"),
    "injured-level-not-found": ("injured level not found", "未能确定伤椎"),
    "film-without-date": ("film without date and phase", "影像无日期且无时相"),
    "films-of-one-day": ("another film of the same day", "同日的另一影像"),
    "other-film-of-the-phase": ("another film stands for the phase", "该时相采用另一影像"),
    "patient-with-one-film": ("patient with one film", "仅有一张影像的患者"),
    "missing-phase": ("missing phase", "缺少时相"),
    "id-of-two-people": ("one id, two people", "一个编号对应两人"),
    "other-id-in-the-film": ("film names another patient", "影像中为另一患者"),
    "contradiction": ("rows contradict each other", "各行相互矛盾"),
    "unknown-phase": ("unknown phase", "未知时相"),
    "unknown-level": ("unknown level", "未知椎体节段"),
    "no-date": ("not a date", "不是日期"),
    "no-number": ("not a number", "不是数字"),
    "incomplete-row": ("incomplete row", "不完整的行"),
    "out-of-range": ("score or reading out of range", "评分或人工测量值超出范围"),
    "duplicate-patient": ("patient stands twice", "患者重复"),
    "unknown-column": ("unknown column", "未知列"),
    "too-many-cells": ("too many cells in a row", "该行单元格过多"),
    "other-encoding": ("other encoding", "其他编码"),
    "decimal-comma": ("decimal comma", "小数逗号"),
    "scores-without-film": ("scores without a film", "有评分而无影像"),
    "films-without-scores": ("films without scores", "有影像而无评分"),
    "finding": ("finding", "提示"),
    "level": ("Injured level", "伤椎"),
    "missing": ("missing", "缺失"),
    "anterior_height": ("Anterior height (mm)", "椎体前缘高度（mm）"),
    "segmental_cobb": ("Segmental kyphosis, Cobb (°)", "节段性后凸 Cobb 角（°）"),
    "wedge_angle": ("Wedge angle (°)", "楔形角（°）"),
    "vas": ("VAS (0–10)", "VAS（0–10）"),
    "odi": ("ODI (0–100)", "ODI（0–100）"),
    "frankel": ("Frankel grade", "Frankel 分级"),
    "scale_fiducial": ("calibrated by an object of known size", "以已知尺寸物体校准"),
    "scale_geometry": ("calibrated by the distances of the exposure", "以投照距离校准"),
    "scale_detector-plane": ("of the detector, on average 18 % too large", "探测器平面比例，平均偏大 18 %"),
    "scale_assumed": ("of an assumed pixel size", "假定的像素尺寸"),
    "scale_text": (
        "Heights of a patient's films are on one scale. Patients by scale: {counts}.",
        "同一患者各影像的高度采用同一比例；按患者计：{counts}。",
    ),
    "scales_differ": (
        " Millimetres of unlike scales are not alike between patients: compare the heights of each kind apart.",
        "不同比例的毫米值在患者间不可直接比较，请分别统计。",
    ),
    "name_anterior_height": ("anterior height", "椎体前缘高度"),
    "name_segmental_cobb": ("segmental kyphosis", "节段性后凸 Cobb 角"),
    "name_wedge_angle": ("wedge angle", "楔形角"),
    "name_vas": ("VAS", "VAS"),
    "name_odi": ("ODI", "ODI"),
    "signs": ("Kyphosis is positive, lordosis negative.", "后凸为正，前凸为负。"),
    "caption": (
        "Mean ± SD where means are tested (t tests), else median (quartiles); grades as counts. "
        "n where values are missing. Of signed ranks the change is of all patients, P and the correlation of those who "
        "changed; a rank-biserial correlation has no interval where all differences point one way. "
        "A change can be significant and yet less than the margin: the two tests answer different questions.",
        "采用 t 检验者为均数 ± 标准差，否则为中位数（四分位数）；等级以例数表示。"
        "有缺失时注明 n。符号秩检验中，变化及其区间针对全部患者，"
        "P 与秩二列相关仅针对有变化者。所有差值方向一致时秩二列相关无置信区间。"
        "变化可有统计学意义而仍小于界值：变化检验与界值检验各自独立。",
    ),
    "method_text": (
        "Vertebral corners were located on lateral films by {software} (model {model}, weights {weights}) "
        "and measured by its definitions {definitions}: anterior height between the anterior corners of "
        "the injured vertebra; segmental kyphosis from the superior endplate of the level above to the "
        "inferior endplate of the level below; wedge angle between the endplates of the injured vertebra. "
        "The film before surgery, the first after it and the last follow-up count. Missing values stay "
        "missing. Differences between phases were tested for normality (Shapiro-Wilk). Normal: "
        "repeated-measures ANOVA, or a linear mixed model with a random intercept (REML) where values are missing, "
        "both with Greenhouse-Geisser correction, and paired t tests with Cohen's dz; else Friedman and "
        "Wilcoxon signed-rank tests with the Hodges-Lehmann estimate and the rank-biserial correlation. Grades: "
        "Friedman and exact sign tests. Pairs were corrected by Holm's rule. Whether a change lies within a margin "
        "was tested by two one-sided tests, t tests where means were tested and else signed-rank tests (exact up to "
        "50 pairs) with the Hodges-Lehmann estimate (TOST): {margins}. P < 0.05 counts as significant. Statistics by "
        "scipy {scipy} and statsmodels {statsmodels}.",
        "侧位片椎体角点由 {software}（模型 {model}，权重 {weights}）定位，并按其定义"
        " {definitions} 测量：伤椎前缘高度为前方两角点间距离；节段后凸为上位椎体上终板至下位椎体下"
        "终板的 Cobb 角；楔形角为伤椎上、下终板夹角。采用术前、术后首次及末次随访影像。缺失值保持缺失。各时"
        "相差值以 Shapiro-Wilk 检验正态性：正态者采用重复测量方差分析，有缺失时采用随机截距线性混合模型（REML），"
        "均经 Greenhouse-Geisser 校正，两两比较用配对 t 检验及 Cohen'"
        "s dz；否则采用 Friedman 检验及 Wilcoxon 符号秩检验、Hodges-Lehmann 估计和秩二列相关。等级资料采用"
        " Friedman 检验与精确符号检验。两两比较经 Holm 校正。变化是否在界值内以双单侧检验（TOST）判定，"
        "比较均数者用 t 检验，否则用符号秩检验（不超过 50 对时为精确检验）及 Hodges-Lehmann 估计，界值：{margins}。"
        "P < 0.05 为有统计学意义。统计软件：scipy {scipy}、statsmodels {statsmodels}。",
    ),
}


def words(language: str) -> dict[str, str]:
    """All words of a language.

    >>> words("zh")["pre-op"]
    '术前'
    """
    place = LANGUAGES.index(language)
    return {key: texts[place] for key, texts in _TEXTS.items()}


_NAMES_ZH = {
    "repeated-measures ANOVA (Greenhouse-Geisser)": "重复测量方差分析（Greenhouse-Geisser）",
    "Friedman test": "Friedman 检验",
    "linear mixed model (random intercept per patient, REML; Wald F, Greenhouse-Geisser)": (
        "线性混合模型（患者随机截距，REML；Wald F，Greenhouse-Geisser）"
    ),
    "paired t test": "配对 t 检验",
    "Wilcoxon signed-rank test (exact)": "Wilcoxon 符号秩检验（精确）",
    "Wilcoxon signed-rank test (normal approximation)": "Wilcoxon 符号秩检验（正态近似）",
    "exact sign test": "精确符号检验",
    "Cohen's dz": "Cohen's dz",
    "rank-biserial r": "秩二列相关 r",
    "share improved among changed": "变化者中改善比例",
}
_CAVEATS_ZH = (
    (r"pairs: (\d+) given, .*", r"仅有 \1 对数据，不作检验"),
    (r"complete rows: (\d+) given, .*", r"仅有 \1 例完整数据，不作检验"),
    (r"(\d+) patients with (\d+) values .*", r"\1 例患者共 \2 个数值，不足以拟合混合模型"),
    (r"(\d+) phases are given; .*", r"仅有 \1 个时相，不作检验"),
    (r"all differences are equal; .*", "所有差值相等，不作检验"),
    (r"no patient differs .*", "各患者各时相均无变化，不作检验"),
    (r"two phases: .*", "仅两个时相：配对检验即可"),
    (r"P is of the (\d+) of (\d+) pairs .*", r"P 针对 \2 对中有差异的 \1 对，区间针对全部：仅其一排除无变化"),
    (r"P and the interval lie .*", "P 与区间分居 5 % 两侧（相同秩或正态近似所致）：以 P 为准"),
)


def name_of(name: str, w: Mapping[str, str]) -> str:
    """The name of a test or an effect in the language of ``w``.

    >>> name_of("paired t test", words("zh")), name_of("paired t test", words("en"))
    ('配对 t 检验', 'paired t test')
    """
    return _NAMES_ZH[name] if w["language"] == "zh" else name


def caveat_of(caveat: str | None, w: Mapping[str, str]) -> str:
    """Why there is no test, or what limits one, in the language of ``w``.

    >>> caveat_of("pairs: 2 given, a test needs at least 3; add patients", words("zh"))
    '仅有 2 对数据，不作检验'
    """
    if caveat is None or w["language"] == "en":
        return caveat or ""
    found = (re.fullmatch(pattern, caveat) and re.sub(pattern, text, caveat) for pattern, text in _CAVEATS_ZH)
    return next((text for text in found if text), caveat)
