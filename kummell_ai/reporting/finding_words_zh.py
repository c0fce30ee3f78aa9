"""Findings and faults of the inputs in Simplified Chinese: one sentence a code, with values where they are simple."""

from __future__ import annotations

from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.measurement.results import Finding
from kummell_ai.reporting.finding_values_zh import values_in_chinese

FINDING_ZH: dict[str, str] = {
    "reader-note": "读取影像文件时的说明。",
    "header-contradiction": "文件头内容自相矛盾或不可信；请核对日期与像素间距。",
    "series-note": "整理全部影像时的说明。",
    "no-spacing": "影像缺少像素间距，无法给出以毫米为单位的高度；请提供像素间距，或只看角度与比值。",
    "spacing-at-detector": "像素间距为探测器平面的数值，患者体内的实际长度更小；请使用经校准的影像，或比较比值与角度。",
    "implausible-spacing": "按所给像素间距算得的椎体前后径不合理；使用长度前请核对像素间距。",
    "picture-stretched": (
        "椎体形状异常，影像的宽高比疑被改变，所有角度与比值均不可靠；请使用原始影像，或提供真实的像素间距。"
    ),
    "view-contradicts-header": "文件头标注为正位，但影像呈侧位，已按侧位测量；请核对文件头。",
    "facing-contradicts-header": "文件头标注的前方朝向与角点所示不符，以角点为准；请核对影像是否被镜像导出。",
    "level-unknown": "部分椎体未能确定节段名称；跨节段角度需要节段名称。",
    "level-twice": "多个椎体被标为同一节段，而每个节段只应出现一次；请更正节段名称。",
    "level-order": "椎体节段名称未按自头侧至尾侧的顺序排列；请更正节段名称。",
    "level-gap": "相邻两个已测椎体之间有一个节段未被检出；角度与参考高度的计算已跳过该节段。",
    "names-may-be-shifted": "本片椎体节段命名可能整体偏移；请在影像上点数椎体，或指定伤椎节段。",
    "sacrum-named-otherwise": "该椎体本身形似骶1，但按其余椎体计数为其他节段；请在影像上点数椎体，并核对伤椎节段。",
    "names-corrected": "一张影像的节段命名已参照其他影像更改。",
    "names-conflict": "两张影像的节段命名相互矛盾，均未更改；请在两片上点数椎体，或指定伤椎节段。",
    "shapes-shared": (
        "未骨折椎体在该患者的各张影像上形状相同，其角点已据此共同确定；如需逐张测量，请使用 --shapes apart。"
    ),
    "shape-differs": (
        "该椎体在各影像上的形状差异超出角点误差，各影像保留各自的角点；请查看是否有新骨折、角点有误，或节段命名不一致。"
    ),
    "names-pinned": "已按指定的伤椎节段重新确定所有影像的节段命名。",
    "names-not-pinned": "指定的伤椎节段与影像所示不符，节段命名未作更改；请核对节段名称。",
    "film-inverted": "该影像中骨呈暗色，而文件未注明；已按灰度反转后判读；请以骨为亮色重新导出。",
    "upside-down": "各椎体单独判读的节段未按自头侧至尾侧的顺序排列，影像可能上下颠倒，或节段命名有误；请确认头侧在上。",
    "corners-unsure": "该影像的角点很不确定；请查看角点，或提供质量更好的影像。",
    "low-confidence": "椎体检出的置信度偏低；请核对其角点。",
    "uncertain-level": "椎体节段名称不确定；请在影像上点数椎体加以核对。",
    "corner-not-seen": "椎体缺少角点，依赖该角点的指标缺失。",
    "cropped": "椎体超出曝光野边缘，其测量值可能不完整。",
    "no-contrast": (
        "影像在该椎体的角点处灰度均一（过曝、全黑或灰阶过少），这些角点系由周围结构推测，区间已放宽；"
        "请查看角点，或提供保留全部灰阶的影像。"
    ),
    "corners-by-hand": "该椎体有手工标定的角点；其区间按读片者的误差（前后径的 3%，一个标准差）计算，未经校准。",
    "corners-swapped": "椎体角点的排列方向与邻椎相反；请重新标定角点。",
    "implausible-body": "椎体后缘高度与前后径之比不合理；请核对其角点。",
    "implausible-depth": "椎体前后径与同片其他椎体相差过大；请核对其角点。",
    "index-level-found": "伤椎由程序自动判定。",
    "index-level-not-seen": "影像上未找到伤椎，该片的相应指标缺失；请核对节段名称。",
    "index-level-disagrees": "影像上另有椎体更像伤椎；请核对节段名称。",
    "further-level-found": "发现另一处伤椎，另有单独报告。",
    "new-fracture": "该椎体在随访期间新发骨折；跨该椎体的节段角度包含其变形。",
    "further-level-not-given": "该椎体形似伤椎，但不在指定的伤椎节段之中；如属伤椎，请补充指定。",
    "also-looks-fractured": (
        "该椎体形似骨折，但未经手术处理且前后无变化，考虑为陈旧性骨折，未计为伤椎；如属伤椎，请指定该节段。"
    ),
    "surgical-segment": "手术节段已确定。",
    "surgical-segment-differs": "各影像所见内固定螺钉的节段与手术节段不一致；请核对，或指定手术节段。",
    "surgical-segment-apart": "伤椎位于手术节段之外；请核对两者，或指定手术节段。",
    "one-film": "仅有一张影像；评价矫正需要术前与术后影像，请补充其他影像。",
    "film-not-compared": "该影像已测量但未参与比较，该时相以另一张影像为准。",
    "phase-contradicts-hardware": "影像的时相与所见内固定螺钉不符；请核对时相与手术日期。",
    "phase-against-dates": "影像的时相与拍摄日期或手术日期的先后不符；请核对时相与日期。",
    "id-of-two-people": "同一患者的影像文件头带有不同的姓名、性别、出生日期或编号签发机构；请核对影像归属。",
    "missing-phase": "缺少某一时相的影像，相应的变化无法给出；请补充影像，或核对时相与手术日期。",
    "cement-before-surgery": "术前影像上伤椎似含骨水泥：可能曾行强化、时相有误，或将高亮骨质误认为骨水泥；请查看影像。",
    "posture-unlike": (
        "各影像的拍摄体位不同，仅卧位与立位或坐位之别即可使高度相差 6 mm、角度相差 10°；判定仅适用于同一体位的影像。"
    ),
    "posture-unknown": (
        "影像未记录拍摄体位，仅卧位与立位或坐位之别即可使高度相差 6 mm、角度相差 10°；判定仅适用于同一体位的影像。"
    ),
    "rotation-unlike": (
        "未骨折椎体的前后径与高度之比在各影像间不同，可能因患者旋转或侧屈；"
        "请查看终板及椎弓根有无双影，并只比较旋转程度相同的影像。"
    ),
    "magnification-unlike": (
        "同一未骨折椎体在各影像上的大小不同，提示放大率不同；已按这些椎体大小不变比较长度；请核对像素间距。"
    ),
    "magnification-from-neighbours": "像素尺寸不能反映各影像的放大率；已以未骨折椎体为标尺将长度换算至同一比例尺。",
    "scale-from-neighbours": "各影像的校准方式不同，已以未骨折椎体为标尺将长度换算至同一比例。",
    "changes-on-unlike-scales": "各次高度变化的校准方式不同，彼此不能相加；请比较比值与角度。",
    "scale-unlike": (
        "两张影像的校准方式不同，又无共同可见的未骨折椎体可供核对，故不给出长度变化及高度恢复率；请使用角度与比值。"
    ),
    "no-common-scale": "两张影像的校准方式不同，又无共同可见的未骨折椎体可作标尺，故不给出长度变化；请使用角度与比值。",
}
"""Sentence by the code of a finding; it must read well after the name of a level and a colon."""

FAULT_ZH: dict[Fault, str] = {
    Fault.UNREADABLE: "影像无法读取，未使用。",
    Fault.COPY: "该影像与另一影像重复，未使用。",
    Fault.NOT_MEASURED: "影像无法测量，已拒绝；请核对是否为脊柱侧位片。",
    Fault.NO_LEVEL: "未能确定伤椎，该患者的影像未使用；请核对影像或指定伤椎节段。",
    Fault.NO_DATE: "影像既无日期也无时相，未使用；请补充其中之一。",
    Fault.SAME_DAY: "同一日有多张影像，只采用其中一张。",
    Fault.OTHER_FILM: "该影像已测量但未纳入统计。",
    Fault.ONE_FILM: "该患者仅有一张可用影像；评价矫正需要术前与术后影像，请补充。",
    Fault.MISSING_PHASE: "该患者缺少某一时相的可用影像，按缺失处理；请补充。",
    Fault.TWO_PEOPLE: "同一患者编号的影像带有不同的姓名或性别；请核对影像归属。",
    Fault.OTHER_ID: "影像文件中的患者编号与清单不同，以清单为准；请核对该行。",
    Fault.CONTRADICTION: "同一患者各行内容相互矛盾，以先出现者为准；请统一。",
    Fault.UNKNOWN_PHASE: "无法识别所填时相；请更正。",
    Fault.UNKNOWN_LEVEL: "无法识别所填椎体节段；请更正。",
    Fault.BAD_DATE: "所填内容不是日期；请更正。",
    Fault.BAD_NUMBER: "所填内容不是数字，该值未采用；请更正。",
    Fault.INCOMPLETE_ROW: "该行不完整，未使用；请补全。",
    Fault.OUT_OF_RANGE: "评分或人工测量值超出允许范围，该值未采用；请更正。",
    Fault.DUPLICATE_PATIENT: "同一患者出现多次，均未采用；请只保留一行。",
    Fault.UNKNOWN_COLUMN: "表中有无法识别的列，未使用。",
    Fault.TOO_MANY_CELLS: "该行单元格多于列数，未使用；请检查逗号。",
    Fault.ENCODING: "文件不是 UTF-8 编码；请核对文字，并另存为 UTF-8。",
    Fault.DECIMAL_COMMA: "数字使用小数逗号，已按小数点读取；请改用小数点。",
    Fault.NO_FILM: "该患者有评分而无可用影像，未列入表中；请核对编号与影像。",
    Fault.NO_SCORES: "该患者有影像而无评分，按缺失处理；请核对评分表中的编号。",
    Fault.FINDING: "程序给出的提示；请核对其内容。",
}
"""Sentence by the kind of a fault of a cohort's inputs."""


def finding_in_chinese(finding: Finding) -> str | None:
    """The sentence of a finding, after the level it is about; None for a code without one.

    >>> from kummell_ai.anatomy import VertebralLevel
    >>> from kummell_ai.measurement.results import Severity
    >>> finding_in_chinese(Finding("low-confidence", Severity.WARNING, "L1 is ...", VertebralLevel.L1))
    'L1：椎体检出的置信度偏低；请核对其角点。'
    """
    sentence = values_in_chinese(finding) or FINDING_ZH.get(finding.code)
    return f"{finding.level}：{sentence}" if sentence and finding.level is not None else sentence


def problem_in_chinese(problem: Problem) -> str:
    """The sentence of a problem; that of its finding where it has one that is known."""
    own = None if problem.finding is None else finding_in_chinese(problem.finding)
    return own or FAULT_ZH[problem.fault]
