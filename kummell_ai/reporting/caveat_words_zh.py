"""Why a number is missing or limited, in Simplified Chinese: a pattern for each part of a caveat."""

from __future__ import annotations

import re

from kummell_ai.reporting.page_words import Translate

_PARTS = (
    (r"the film has no pixel spacing", "影像无像素间距"),
    (r"neither film has a scale", "两张影像均无比例尺"),
    (r"missing before", "前一影像缺失"),
    (r"missing after", "后一影像缺失"),
    (r"(\w+) (?:is not found on the|was not found on this) film", r"影像上未找到 \1"),
    (r"a vertebra it needs was not found", "所需椎体未找到"),
    (r"a part of it is missing", "计算所需的数值缺失"),
    (r"a corner it needs is not seen", "所需角点不可见"),
    (r"an endplate or the posterior wall has no length, or .*", "终板或后壁长度为零，或无法判定前方"),
    (r"the sacrum has no inferior endplate", "骶骨无下终板"),
    (r"the angle is not defined for (\w+)", r"该角度对 \1 无定义"),
    (r"the sacrum has a superior endplate only", "骶骨仅有上终板"),
    (r"the name of (\w+) and (\w+) is uncertain", r"\1 与 \2 的节段名称不确定"),
    (r"the name of (\w+) is uncertain", r"\1 的节段名称不确定"),
    (r"derived from the anterior height", "由前缘高度得出"),
    (r"a reader's grade may differ", "阅片者的分级可能不同"),
    (r"(\w+) is fractured", r"\1 为骨折椎体"),
    (r"(\w+) is cropped", r"\1 未完全显示"),
    (r"(\w+) is not fully seen", r"\1 未完全显示"),
    (r"(\w+) is itself wedged", r"\1 自身楔变"),
    (r"(\w+) has no body height", r"\1 无椎体高度"),
    (r"(\w+) is not on the film", r"\1 不在影像内"),
    (r"(\w+) is named twice", r"\1 被重复命名"),
    (r"several vertebrae of the film are called (\w+); correct the names", r"影像上有多个椎体被命名为 \1，请更正命名"),
    (r"(\w+) is the reference above", r"以 \1 为上方参考"),
    (r"(\w+) is the reference below", r"以 \1 为下方参考"),
    (r"no intact vertebra above", "上方无未骨折椎体"),
    (r"no intact vertebra below", "下方无未骨折椎体"),
    (r"levels are unnamed, the bodies next in order are the reference", "节段未命名，以相邻椎体为参考"),
    (r"no reference", "无参考椎体"),
    (r"normal for (\w+) (.+) \(n = (\d+)\), its spread not counted", r"\1 正常值 \2（n = \3），其离散程度未计入"),
    (r"no normal segmental angle is known for (\w+), only for .+", r"\1 无正常节段角度可用"),
    (r"mm at the detector, not at the patient \(on average (\d+) % too large\)", r"探测器平面的毫米数（平均偏大 \1%）"),
    (r"mm by an assumed pixel size", "按假定像素间距的毫米数"),
    (r"scaled by ([\d.]+) to the other film", r"已乘以 \1，换算至另一影像的比例"),
    (r"the two films have scales of unlike kind, and no .*", "两张影像的校准方式不同，又无共同可见的未骨折椎体"),
    (r"the same intact vertebrae differ in size .* by more than (.+)", r"同一未骨折椎体在两张影像上的大小相差超过 \1"),
    (r"middle height not seen: anterior height only", "中央高度不可见，仅用前缘高度"),
    (
        r"not measurable: its 95 % interval is ± (.+), more than a typical correction of (.+)",
        r"无法测量：95% 区间为 ± \1，超过常见矫正量 \2",
    ),
    (
        r"not measurable: its 95 % interval is ± (.+) %, the value before is too small",
        r"无法测量：95% 区间为 ± \1%，此前数值过小",
    ),
    (
        r"undefined: the height lost before, (\S+ \S+)(?: \((\S+) to (\S+)\))?, cannot be told from 0",
        r"无定义：此前高度丢失 \1，与 0 无法区分",
    ),
    (
        r"undefined: the angle before, (.+), is within the detectable change or its own interval, (.+)",
        r"无定义：此前角度 \1，未超出可检测变化或其自身区间 \2",
    ),
    (
        r"undefined: the angle before, (.+), is a lordosis, of which no kyphosis can be corrected",
        r"无定义：此前角度 \1 为前凸，无后凸可矫正",
    ),
    (r"undefined: its denominator is 0", "无定义：分母为 0"),
    (r"not part of this comparison", "不属于此项比较"),
)
_REMEDIES = ("give it ", "look at ")


def short_reason(caveat: str) -> str:
    """A caveat without what to do about it, with true minus signs.

    >>> short_reason("the film has no pixel spacing; give it (row and column in mm), or read the ratios")
    'the film has no pixel spacing'
    """
    reason = "; ".join(part for part in caveat.split("; ") if not part.startswith(_REMEDIES))
    return re.sub(r"(?<![\w.])-(?=\d)", "−", reason)


def caveat_translator(language: str) -> Translate:
    """Gives a caveat in the page's language; a part without words stays as it is."""
    return _to_chinese if language == "zh" else str


def _to_chinese(caveat: str) -> str:
    return "；".join(_part(part) for part in caveat.split("; "))


def _part(part: str) -> str:
    for english, chinese in _PARTS:
        match = re.fullmatch(english, part)
        if match is not None:
            return match.expand(chinese)
    return part
