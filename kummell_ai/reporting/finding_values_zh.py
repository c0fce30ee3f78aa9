"""Findings with their values in Simplified Chinese, read from the English line; only those whose values are simple."""

from __future__ import annotations

import re
from collections.abc import Callable

from kummell_ai.measurement.results import Finding

Text = Callable[[re.Match[str]], str | None]

_PHASE = {"pre-op": "术前", "post-op": "术后", "follow-up": "随访"}
_CORNER = {
    "superior anterior": "前上角",
    "superior posterior": "后上角",
    "inferior anterior": "前下角",
    "inferior posterior": "后下角",
}
_REASONS = (
    (r"height loss (\d+) % on (.+)", r"高度丢失 \1%（\2）"),
    (r"wedge angle (−?-?\d+)° \(usual (-?\d+)°\) on (.+)", r"椎体楔变角 \1°，通常 \2°（\3）"),
    (r"marked as fractured on (.+)", r"标记为骨折（\1）"),
    (r"cement without screws on (.+)", r"有骨水泥而无螺钉（\1）"),
    (r"bridged by screws in (\w+) and (\w+) on (.+)", r"被 \1 与 \2 的螺钉跨越（\3）"),
    (r"the middle of the three levels with screws on (.+)", r"三个置钉节段的中间者（\1）"),
)


def _listed(text: str) -> str:
    return "、".join(re.split(r", | and ", text))


def _reasons(text: str) -> str | None:
    """Why a vertebra counts as injured; None where one of the reasons has no words."""
    said = []
    for part in text.split(", "):
        match = next(((m, zh) for en, zh in _REASONS if (m := re.fullmatch(en, part))), None)
        if match is None:
            return None
        said.append(match[0].expand(match[1]))
    return "，".join(said)


def _new_fracture(match: re.Match[str]) -> str:
    phase, film, before, after, segment, is_given = match.groups()
    place = f"{_PHASE[phase]}影像" if phase else f"{film} "
    loss = f"，椎体前缘高度 {before} → {after} mm" if before else ""
    angle = f"；节段性后凸 Cobb 角（{segment}）包含该椎体" if segment else ""
    return f"{place}上新发椎体骨折{loss}{angle}；{'如需单独报告，请补充指定该节段' if is_given else '另有单独报告'}。"


def _corners(match: re.Match[str]) -> str | None:
    names = re.split(r", | and ", match[1])
    if not set(names) <= _CORNER.keys():
        return None
    return f"{'、'.join(_CORNER[name] for name in names)}不可见，依赖这些角点的指标未给出。"


def _found(match: re.Match[str]) -> str | None:
    why = _reasons(match[1])
    return why and f"伤椎由程序自动判定：{why}。"


def _further(match: re.Match[str]) -> str | None:
    why = _reasons(match[1])
    return why and f"发现另一处伤椎：{why}；另有单独报告。"


def _old(match: re.Match[str]) -> str | None:
    why = _reasons(match[1])
    return why and (
        f"该椎体形似骨折：{why}；未经手术处理且前后无变化，考虑为陈旧性骨折，未计为伤椎；如属伤椎，请指定该节段。"
    )


def _hardware(match: re.Match[str]) -> str | None:
    pairs = [re.fullmatch(r"(.+) is taken to be before (.+)", part) for part in match[1].split("; ")]
    said = "；".join(pair.expand(r"\1 视为早于 \2") for pair in pairs if pair)
    return f"时相按日期确定，同一日的影像按所见螺钉或骨水泥区分：{said}。" if all(pairs) else None


def _by(template: str) -> Text:
    """The groups of the match in a sentence."""
    return lambda match: match.expand(template)


VALUES_ZH: dict[str, tuple[tuple[str, Text], ...]] = {
    "low-confidence": (
        (r"low detection confidence \(([\d.]+), below ([\d.]+)\)", _by(r"检出置信度 \1，低于 \2；请核对其角点。")),
    ),
    "uncertain-level": (
        (
            r"the name \w+ has probability ([\d.]+); below ([\d.]+)",
            _by(r"节段名称的概率为 \1，低于 \2；请在影像上点数椎体加以核对。"),
        ),
        (
            r"may be shifted \((.+) have probability ([\d.]+)(?: to ([\d.]+))?\)",
            lambda m: (
                f"节段命名可能整体偏移（{_listed(m[1])} 的概率为 {m[2]}{f' 至 {m[3]}' if m[3] else ''}）；"
                "请在影像上点数椎体。"
            ),
        ),
    ),
    "corner-not-seen": ((r": (.+) corners? not visible", _corners),),
    "cropped": ((r"extends beyond the exposed field", _by("椎体超出曝光野边缘，其测量值可能不完整。")),),
    "implausible-body": (
        (
            r"posterior height / depth ([\d.]+); ([\d.]+) to ([\d.]+)",
            _by(r"椎体后缘高度与前后径之比为 \1，合理范围为 \2 至 \3；请核对其角点。"),
        ),
    ),
    "implausible-depth": (
        (
            r"is ([\d.]+) times as deep as the median body; ([\d.]+) to ([\d.]+)",
            _by(r"椎体前后径为同片椎体中位数的 \1 倍，合理范围为 \2 至 \3；请核对其角点。"),
        ),
    ),
    "corners-unsure": (
        (
            r"standard deviation is ([\d.]+) % .* up to ([\d.]+) %",
            _by(
                r"该影像的角点很不确定：标准差的中位数为椎体前后径的 \1%，通常不超过 \2%；"
                "请查看角点，或提供质量更好的影像。"
            ),
        ),
    ),
    "new-fracture": (
        (
            r"on (?:the ([\w-]+) film|(.+?))(?:: anterior height ([\d.]+) → ([\d.]+) mm)?"
            r"(?:; the segmental Cobb angle (\S+) includes this vertebra)?; (?:it has|(add) )",
            _new_fracture,
        ),
    ),
    "index-level-found": ((r"injured vertebra found: \w+: (.+)", _found),),
    "further-level-found": ((r"further injured vertebra found: \w+: (.+); it has", _further),),
    "also-looks-fractured": ((r"also looks fractured \((.+)\); it is neither", _old),),
    "index-level-not-seen": (
        (r"is not found on (.+); its", _by(r"\1 上未找到伤椎，该片的相应指标缺失；请核对节段名称。")),
    ),
    "level-gap": (
        (
            r"is not found between (\w+) and (\w+)",
            _by(r"\1 与 \2 之间未检出该节段；角度与参考高度的计算已跳过该节段。"),
        ),
    ),
    "surgical-segment": (
        (r"is (\w+) to (\w+), as given", _by(r"手术节段为 \1 至 \2，由用户指定。")),
        (
            r"is (\w+) to (\w+), from the screws seen on (.+)",
            lambda m: f"手术节段为 {m[1]} 至 {m[2]}，依据 {_listed(m[3])} 所见螺钉。",
        ),
    ),
    "film-not-compared": (
        (
            r"(.+) is measured and not compared; (.+) stands for ([\w-]+)",
            lambda m: f"{m[1]} 已测量但未参与比较，{_PHASE.get(m[3], m[3])}以 {m[2]} 为准。",
        ),
    ),
    "posture-unknown": (
        (
            r"not recorded on any film; .* by (\d+) mm and angles by (\d+)°",
            _by(
                r"所有影像均未记录拍摄体位，仅卧位与立位或坐位之别即可使高度相差 \1 mm、角度相差 \2°；"
                "判定仅适用于同一体位的影像。"
            ),
        ),
    ),
    "shapes-shared": (
        (
            r"the corners of (.+) are placed so that all films",
            lambda m: (
                f"{_listed(m[1])} 视为未骨折椎体，在各张影像上形状相同，其角点已据此共同确定；"
                "如需逐张测量，请使用 --shapes apart。"
            ),
        ),
    ),
    "series-note": (
        (
            r"Phases follow the order of the dates: first pre-op, second post-op, further follow-up",
            _by("时相按日期先后确定：第一张为术前，第二张为术后，其后为随访。"),
        ),
        (r"Phases are as given", _by("时相按所给确定。")),
        (r"Phases follow the dates, and on one day the screws or cement that are seen: (.+)\.$", _hardware),
        (r"(.+) names no patient and is taken for one of this", _by(r"\1 未注明患者，视为该患者的影像。")),
    ),
    "phase-against-dates": (
        (
            r"(.+) \(([\d-]+) ([\d:]+)\) is earlier than (.+) \(([\d:]+)\), yet taken as the later",
            _by(
                r"\1（\2 \3）早于 \4（\5），但因其可见螺钉或骨水泥而后者未见，仍视为较晚；"
                "请核对拍摄时间，以及影像是否互换、是否属于两位患者、内固定是否已取出。"
            ),
        ),
    ),
}
"""By the code of a finding: what its English line looks like, and the sentence that holds its values."""


def values_in_chinese(finding: Finding) -> str | None:
    """The sentence of a finding with its values, without its level; None where the English line has to stand.

    >>> from kummell_ai.measurement.results import Severity
    >>> message = "T7: low detection confidence (0.37, below 0.5); check its corners"
    >>> values_in_chinese(Finding("low-confidence", Severity.WARNING, message))
    '检出置信度 0.37，低于 0.5；请核对其角点。'
    """
    for pattern, text in VALUES_ZH.get(finding.code, ()):
        match = re.search(pattern, finding.message)
        if match is not None:
            return text(match)
    return None
