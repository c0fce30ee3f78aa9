"""What to simulate, as one value that a YAML file can hold."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kummell_ai.errors import ConfigError

FIELDS_OF_VIEW = ("lumbar", "thoracolumbar", "narrow")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Options of the simulator.

    Attributes:
        rows: height of a film (px).
        aspect_low, aspect_high: width / height is drawn evenly from this range.
        lumbar, thoracolumbar, narrow: weights of the fields of view.
        right_facing: share of films on which the front is to the right.
        frontal: share of single training films that show a frontal view (they have no truth).
        operated: share of single training films of a patient with a fracture, before or after surgery; the rest
            shows spines without a fresh fracture.
        templates: folder of closed meshes to use beside the project's own bones, or None.
        own_bones: whether the project's own procedural bones are used when ``templates`` is given.
    """

    rows: int = 512
    aspect_low: float = 0.55
    aspect_high: float = 0.85
    lumbar: float = 0.55
    thoracolumbar: float = 0.27
    narrow: float = 0.18
    right_facing: float = 0.5
    frontal: float = 0.0
    operated: float = 0.7
    templates: str | None = field(default=None)
    own_bones: bool = True

    def __post_init__(self) -> None:
        for name in ("right_facing", "frontal", "operated"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"recipe key {name} is {value}; it is a share and must lie in [0, 1]", value)
        if min(self.lumbar, self.thoracolumbar, self.narrow) < 0 or self.lumbar + self.thoracolumbar + self.narrow <= 0:
            raise ConfigError("recipe keys lumbar, thoracolumbar and narrow are weights: none below 0, one above 0")
        if not 0.2 <= self.aspect_low <= self.aspect_high <= 2.0:
            raise ConfigError(
                f"recipe keys aspect_low {self.aspect_low}, aspect_high {self.aspect_high}: use 0.2 <= low <= high <= 2"
            )
        if not 128 <= self.rows <= 4096:
            raise ConfigError(f"recipe key rows is {self.rows}; use 128 to 4096 px", self.rows)


def load_recipe(path: Path | None, **overrides: Any) -> Recipe:
    """The recipe in a YAML file (or the default one), with ``overrides`` that are not None put on top.

    Raises:
        ConfigError: the file is missing or no YAML mapping, a key is unknown, a value has a wrong type or range.
    """
    import yaml

    values: dict[str, Any] = {}
    if path is not None:
        try:
            loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(
                f"{path}: not a readable YAML file ({str(error).splitlines()[0]}); see configs/synthesis/default.yaml",
                path,
            ) from None
        if not isinstance(loaded, dict):
            raise ConfigError(f"{path}: expected a mapping of recipe keys, found {type(loaded).__name__}", path)
        values.update(loaded)
    values.update({k: v for k, v in overrides.items() if v is not None})
    known = {f.name: f for f in fields(Recipe)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"recipe key {key!r} is unknown; use one of {', '.join(known)}", key)
        default = known[key].default
        wants = (
            (str, type(None))
            if key == "templates"
            else (bool,)
            if isinstance(default, bool)
            else (int,)
            if isinstance(default, int)
            else (int, float)
        )
        if not isinstance(value, wants) or (isinstance(value, bool) and bool not in wants):
            raise ConfigError(
                f"recipe key {key} is {value!r}; expected {' or '.join(t.__name__ for t in wants)}", value
            )
    return Recipe(**values)
