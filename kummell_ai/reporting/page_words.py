"""The patient's page in Simplified Chinese: whole texts of the English page and what stands for them.

Findings have their sentences in finding_words_zh.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence

from kummell_ai.measurement.results import Change, Correction, CorrectionReport
from kummell_ai.reporting.prose import change_text, date_text, main_changes, verdict_text
from kummell_ai.reporting.words import (
    INTERVALS_NOT_CALIBRATED,
    INTERVALS_TOO_NARROW,
    PHASE_LABEL,
    TABLE_NOTE,
    main_ids,
    number,
    unit_text,
    words_for,
)

Translate = Callable[[str], str]

_ZH: dict[str, str] = {
    "Correction report": "矫正报告",
    "Correction reports": "矫正报告列表",
    "Patients": "患者",
    ".": "。",
    ": ": "：",
    ", ": "，",
    "Problems": "问题",
    "Research use, not a medical device": "仅供研究，非医疗器械",
    "Simulated films": "模拟影像",
    "Patient": "患者",
    "Injured level": "伤椎",
    "Further injured levels": "其他伤椎",
    "(given by the user)": "（由用户指定）",
    "(detected automatically)": "（自动判定）",
    "Check:": "请核对：",
    "Pre-op": "术前",
    "Post-op": "术后",
    "Follow-up": "随访",
    "Film": "影像",
    "no date": "无日期",
    "fracture": "骨折",
    "screws": "螺钉",
    "cement": "骨水泥",
    "cropped": "未完全显示",
    "no contrast": "无灰度差",
    "by hand": "手工标定",
    "◂ front": "◂ 前方",
    "front ▸": "前方 ▸",
    "anterior": "前缘",
    "wedge": "楔变角",
    "superior corners": "上终板角点",
    "inferior corners": "下终板角点",
    "injured level": "伤椎",
    "endplates of the segmental Cobb angle": "节段性后凸 Cobb 角所用终板",
    "thin ellipses: where the corners lie with 95 %": "细椭圆：角点的 95% 区域",
    "All films at one scale, centred on": "各影像比例一致，居中于",
    "Each film at its own scale, centred on": "各影像按其自身比例尺显示，居中于",
    "films on unlike scales, not to be compared; each change is on one": (
        "各影像比例尺不同，不可相互比较；每项变化按同一比例尺"
    ),
    "Heights of films on unlike scales are not to be subtracted: each of their changes is on the scale of one film.": (
        "比例尺不同的影像，其高度不可直接相减：各变化值均按其中一张影像的比例尺给出。"
    ),
    "Films scaled by the depth of their vertebrae, centred on": "影像按椎体前后径缩放，居中于",
    "over time": "测量值变化",
    "Degrees": "度",
    "; bars: 95 % interval": "；竖线：95% 区间",
    "pre-op": "术前",
    "post-op": "术后",
    "follow-up": "随访",
    "Quantity": "指标",
    "Derived": "衍生指标",
    "Change by surgery": "手术矫正",
    "Change after surgery": "术后变化",
    "Overall change": "总变化",
    "Correction rates": "矫正率",
    "Patient and level": "患者与伤椎",
    "Films": "影像",
    "Height": "高度",
    "Cobb": "Cobb 角",
    "Wedge": "楔变角",
    "Checks": "需核对",
    "height loss": "前缘高度丢失",
    "none": "无",
    "Pre-op / post-op / last film": "术前 / 术后 / 末次影像",
    "Findings": "提示",
    "Level": "节段",
    "Note": "说明",
    "Warning": "警告",
    "Refused": "拒绝",
    "Series": "全部影像",
    "is the injured level,": "为伤椎，",
    "given by the user.": "由用户指定。",
    "found automatically.": "自动判定。",
    "Definitions": "定义",
    "Here:": "此处：",
    "Provenance": "溯源信息",
    "Software": "软件",
    "definitions": "定义版本",
    "Model": "模型",
    "Made": "生成时间",
    "Shape of intact vertebrae": "未骨折椎体的形状",
    "Surgical segment": "手术节段",
    "Pixel spacing given, mm": "给定的像素间距（mm）",
    "Frame": "帧",
    "Device": "计算设备",
    "Precision": "计算精度",
    "shared by all films": "各影像共用",
    "each film by itself": "逐张测量",
    "given by the user": "由用户指定",
    "detected automatically": "自动判定",
    "manual": "手工标定",
    "Automatic measurement: look at the drawn corners before using a number.": "自动测量：使用数值前请核对图上角点。",
    INTERVALS_NOT_CALIBRATED: (
        "该模型的 95% 区间未经校准，其覆盖率未知；同一患者的各影像分别测量。采信任何变化之前，请先以标注影像校准。"
    ),
    INTERVALS_TOO_NARROW: (
        "95% 区间与节段名称的概率均依据模拟影像设定。"
        "真实影像的误差更大：仅当变化明显超出区间时方可采信，并请核对节段名称。"
    ),
    "Kyphosis is positive, lordosis negative.": "后凸为正，前凸为负。",
    TABLE_NOTE: (
        "小字为测量误差的 95% 区间。仅当变化超过两张影像的最小可检测变化（MDC）时才判为改善或加重；"
        "更小的变化未超出测量误差。"
        "同一患者各影像的误差部分相同，故两张影像的区间重叠时，变化仍可能真实存在。"
        "双单侧检验排除达到界值的变化时判为维持。变化值由未舍入的数值算得，可与表中数值之差相差 0.1。"
        "仅体位变化即可使这些数值的变化超过 MDC。"
    ),
    "mm, calibrated": "mm，已校准",
    "mm at the patient": "mm，患者平面",
    "mm at the detector (magnified)": "mm，探测器平面（有放大）",
    "mm, by an assumed pixel size": "mm，像素间距为假定值",
    "no scale: angles and ratios only": "无比例尺：仅角度与比值",
    "improved": "改善",
    "worse": "加重",
    "higher": "增高",
    "lower": "降低",
    "within measurement error": "未超出测量误差",
    "MDC not known": "MDC 未知",
    "no verdict": "无法判定",
    "Anterior height": "椎体前缘高度",
    "Middle height": "椎体中央高度",
    "Posterior height": "椎体后缘高度",
    "Superior endplate depth": "上终板长度",
    "Inferior endplate depth": "下终板长度",
    "Length of the superior endplate.": "上终板的长度。",
    "Length of the inferior endplate.": "下终板的长度。",
    "Wedge angle": "椎体楔变角",
    "Reference height": "参考高度",
    "Wedge ratio": "楔形比",
    "Anterior height loss": "前缘高度丢失",
    "Compression": "压缩率",
    "Height-derived grade": "按高度分级",
    "Segmental kyphosis (Cobb)": "节段性后凸 Cobb 角",
    "Surgical segment (Cobb)": "手术节段 Cobb 角",
    "Local kyphosis (Gardner)": "局部后凸角（Gardner）",
    "Sagittal index (Farcy)": "矢状面指数（Farcy）",
    "Height restored": "恢复高度",
    "Height restoration rate": "高度恢复率",
    "Height gain": "相对术前高度增加率",
    "Kyphosis correction": "后凸矫正",
    "Kyphosis correction rate": "后凸矫正率",
    "Wedge correction": "椎体楔变角矫正",
    "Loss of correction": "矫正丢失",
    "Height lost since surgery": "术后高度丢失",
    "Intravertebral instability": "椎体内不稳",
    "Distance from the superior to the inferior anterior corner of the body.": "椎体前上角至前下角的距离。",
    "Distance between the middles of the two endplates.": "上、下终板中点间的距离。",
    "Distance from the superior to the inferior posterior corner of the body.": "椎体后上角至后下角的距离。",
    "Angle between the superior and the inferior endplate of the body itself; positive when lower in front.": (
        "该椎体上、下终板的夹角；前方较低为正。"
    ),
    "Mean anterior height of the nearest intact vertebrae above and below.": "上、下最近未骨折椎体前缘高度的均值。",
    "100 × anterior height / posterior height of the same body.": "100 × 同一椎体前缘高度 / 后缘高度。",
    "Anterior height held against the mean anterior height of the nearest intact neighbours.": (
        "前缘高度相对于最近未骨折相邻椎体前缘高度均值的丢失。"
    ),
    "100 × (1 − the smaller of anterior and middle height / posterior height).": (
        "100 ×（1 − 前缘与中央高度之较小者 / 后缘高度）。"
    ),
    "0 below 20 %, 1 from 20 %, 2 from 25 %, 3 above 40 % height loss; not a reader's Genant grade.": (
        "高度丢失低于 20% 为 0，20% 起为 1，25% 起为 2，高于 40% 为 3；并非阅片者的 Genant 分级。"
    ),
    "Superior endplate of the level above to the inferior endplate of the level below the index level.": (
        "伤椎上位椎体上终板与下位椎体下终板的夹角。"
    ),
    "Superior endplate of the upper to the inferior endplate of the lower instrumented vertebra.": (
        "固定上端椎上终板与下端椎下终板的夹角。"
    ),
    "Superior endplate of the level above to the inferior endplate of the index level.": (
        "伤椎上位椎体上终板与伤椎下终板的夹角。"
    ),
    "Segmental kyphosis minus the normal angle at that level.": "节段性后凸减去该节段的正常角度。",
    "Anterior height after minus before.": "术后前缘高度减术前。",
    "Anterior height regained as a share of what was missing to the reference height of the neighbours.": (
        "恢复的前缘高度占相对邻椎参考高度所缺高度的比例。"
    ),
    "Anterior height regained as a share of the height before surgery.": "恢复的前缘高度占术前高度的比例。",
    "Segmental kyphosis before minus after.": "术前节段性后凸减术后。",
    "Kyphosis correction as a share of the kyphosis before surgery; not given near 0°.": (
        "后凸矫正占术前后凸的比例；接近 0° 时不给出。"
    ),
    "Wedge angle before minus after.": "术前椎体楔变角减术后。",
    "Segmental kyphosis at the last film minus that right after surgery.": "末次影像节段性后凸减术后即刻。",
    "Anterior height after surgery minus that of the last film.": "术后前缘高度减末次影像。",
    "Change by surgery, after surgery, overall": "手术矫正、术后变化、总变化",
    "From before surgery to after it, from there to the last film, from before to the last.": (
        "术前至术后，术后至末次影像，术前至末次影像。"
    ),
    "Minimal detectable change": "最小可检测变化",
    "1.96 times the standard error of the difference between two films.": "两张影像差值标准误的 1.96 倍。",
    "Maintained": "维持",
    "Two one-sided tests at 5 % rule out that a loss is as large as the margin.": (
        "双单侧检验（5%）排除丢失达到界值。"
    ),
    "Patient position": "拍摄体位",
    "The same fractures measured 18.3 mm and 26.2° sitting, 24.3 mm and 15.4° supine "
    "(J Orthop Surg Res 2020, s13018-020-01649-y).": (
        "同一组骨折坐位测得 18.3 mm、26.2°，仰卧位测得 24.3 mm、15.4°（J Orthop Surg Res 2020，s13018-020-01649-y）。"
    ),
    "Anterior height lying minus sitting, both before surgery.": "术前卧位前缘高度减坐位。",
}
_PATTERNS_ZH = (
    (r"^(\w+) superior to (\w+) inferior$", r"\1 上终板至 \2 下终板"),
    (r"^(\w+) superior to inferior$", r"\1 上终板至下终板"),
    (r"^not defined for (\w+): the sacrum has no inferior endplate$", r"\1 无定义：骶骨无下终板"),
    (r"^maintained within (.*)$", r"维持于 \1 以内"),
    (r"^a loss of (.*) or more is not excluded$", r"未排除达到或超过 \1 的丢失"),
    (r"^improved, by less than (.*)$", r"改善，幅度小于 \1"),
    (r"^worse, by less than (.*)$", r"加重，幅度小于 \1"),
    (r"^(−?[\d.]+) to (−?[\d.]+)$", r"\1 至 \2"),
    (r"^(.*)\u202fpp$", r"\1 个百分点"),
    (r"^surgical segment = (.*)$", r"手术节段 = \1"),
    (r"^mm, on the scale of (.*)$", r"mm，按 \1 的比例尺"),
    (r"^mean of the neighbours (.*) \((.*)\)$", r"邻椎均值 \1（\2）"),
    (r"^(\d+) films?$", r"\1 张影像"),
    (r"^(\d+) to check$", r"\1 项需核对"),
    (r"^new fracture (\w+)$", r"\1 新发骨折"),
    (
        r"^The films belong to (\d+) patients; one report was written for each\.$",
        r"影像属于 \1 位患者，已分别生成报告。",
    ),
    (r"^(\w+) to (\w+)$", r"\1 至 \2"),
)
"""Texts that hold numbers or names of levels."""


def translator(language: str) -> Translate:
    """Gives the text of the page's language for an English one; what it does not know stays as it is.

    >>> translator("zh")("Wedge angle"), translator("zh")("T12 superior to L2 inferior"), translator("en")("Loss")
    ('椎体楔变角', 'T12 上终板至 L2 下终板', 'Loss')
    """
    return _to_chinese if language == "zh" else str


def _to_chinese(text: str) -> str:
    if text in _ZH:
        return _ZH[text]
    for english, chinese in _PATTERNS_ZH:
        text = re.sub(english, chinese, text)
    first, arrow, last = text.partition(" → ")
    return f"{_ZH.get(first, first)} → {_ZH.get(last, last)}" if arrow else text


def day_text(moment: dt.datetime | None, language: str) -> str:
    """A date as the language writes it.

    >>> day_text(dt.datetime(2024, 3, 4), "zh"), day_text(None, "zh")
    ('2024年3月4日', '无日期')
    """
    if language == "zh":
        return f"{moment.year}年{moment.month}月{moment.day}日" if moment is not None else "无日期"
    return date_text(moment)


def days_texts(moments: Sequence[dt.datetime | None], language: str = "en", *, is_short: bool = False) -> list[str]:
    """The dates of films as the language writes them; those of one day with their times, where they are known.

    Args:
        moments: of each film, or None.
        language: ``en`` or ``zh``.
        is_short: a date with its time goes without its year, to stand in the room of a date.

    >>> days_texts([dt.datetime(2024, 3, 4, 17), dt.datetime(2024, 3, 4, 9, 30), dt.datetime(2024, 4, 2, 8), None])
    ['4 Mar 2024 17:00', '4 Mar 2024 09:30', '2 Apr 2024', 'no date']
    >>> days_texts([dt.datetime(2024, 3, 4, 17), dt.datetime(2024, 3, 4, 9, 30)], "zh", is_short=True)
    ['3月4日 17:00', '3月4日 09:30']
    """
    days = [day_text(moment, language) for moment in moments]
    texts = []
    for day, moment in zip(days, moments, strict=True):
        if moment is None or days.count(day) == 1 or moment.time() == dt.time.min:
            texts.append(day)
            continue
        without_year = f"{moment.month}月{moment.day}日" if language == "zh" else f"{moment.day} {moment:%b}"
        texts.append(f"{without_year if is_short else day} {moment:%H:%M}")
    return texts


def chinese_sentences(report: CorrectionReport) -> list[tuple[str, str]]:
    """Span and sentence for each comparison that has a number."""
    found = []
    for correction in report.corrections:
        known = main_changes(correction, main_ids(report))
        span = f"{_ZH[PHASE_LABEL[correction.before]]}至{_ZH[PHASE_LABEL[correction.after]]}"
        if known:
            found.append((span, "；".join(_chinese_change(change, correction) for change in known) + "。"))
    return found


def _chinese_change(change: Change, correction: Correction) -> str:
    words, unit = words_for(change.quantity_id), unit_text(change.change.unit)
    before, after = (number(q.value or 0.0, words.digits) for q in (change.before, change.after))
    delta, verdict = _to_chinese(change_text(change, words.digits)), _ZH[verdict_text(change)]
    return f"{correction.index_level} {_ZH[words.label]} {before} → {after}{unit}（{delta}，{verdict}）"
