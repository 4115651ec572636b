"""Which configs train alike: fields that do nothing in a config, and its canonical form.

For planning, so that a cell that repeats another is known as such. Alike means in law (another draw of the same experiment), or the same
numbers up to rounding; the comments say which.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from model.config.noise import FixedGap, MaxGap
from model.config.section import Section

if TYPE_CHECKING:
    from model.config.train import TrainConfig


def inert_fields(config: "TrainConfig") -> frozenset[str]:
    """Dotted paths of the fields whose value changes nothing in this config but rounding."""
    return frozenset(_inert(config))


def _inert(config: "TrainConfig") -> Iterator[str]:
    teacher = config.alignment.teacher
    if config.timesteps.kind != "dual":
        yield from ("timesteps.gap", "timesteps.ordering")
    if not _grouped(config):
        yield from ("partition.ratio", "partition.assignment")
        if config.timesteps.kind == "single":
            yield "partition.full_image_probability"
    if not noise_groups_used(config):
        yield "partition.score"
    if config.evaluation.guidance.scale == 1 and not config.evaluation.guidance.best_of:
        yield from ("evaluation.guidance.interval", "evaluation.guidance.channels")
    read = {"teacher.layer"} if config.scores_features else set()  # whether or not the average teaches
    if config.alignment.kind == "none":
        yield from (f"alignment.{path}" for path in _paths(config.alignment) if path not in {"kind"} | read)
        return
    if config.alignment.kind == "self" or not config.alignment.head:
        yield "alignment.head_width"
    if config.alignment.loss != "cosine":
        yield "alignment.axis"
    if config.alignment.kind == "external":
        yield from (f"alignment.teacher.{path}" for path in _paths(teacher) if f"teacher.{path}" not in read)
        return
    if teacher.timesteps != "interval":
        yield from (f"alignment.teacher.interval.{path}" for path in _paths(teacher.interval))
    elif teacher.interval.width == 0:
        yield "alignment.teacher.interval.per"
    if config.label_dropout == 0:
        yield "alignment.teacher.labels"
    if config.attention.separation == "none":
        yield "alignment.teacher.separated"


def _grouped(config: "TrainConfig") -> bool:
    return config.grouped or _interval_per_group(config)


def noise_groups_used(config: "TrainConfig") -> bool:
    """Whether anything goes by the groups of the noise partition: noise levels, teacher's intervals, or reading, but for that by views."""
    return config.timesteps.kind == "dual" or config.attention.separation not in ("none", "shuffled") or _interval_per_group(config)


def _interval_per_group(config: "TrainConfig") -> bool:
    """Whether each group has its own k, and somebody uses it."""
    teacher = config.alignment.teacher
    used = config.alignment.kind == "self" and teacher.timesteps == "interval" and teacher.interval.width > 0
    per_group = config.timesteps.kind == "dual" if teacher.interval.per == "auto" else teacher.interval.per == "group"
    return used and per_group


def _paths(section: Section) -> Iterator[str]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from (f"{name}.{path}" for path in _paths(value))
        else:
            yield name


def canonical(config: "TrainConfig") -> dict[str, Any]:
    """The plain form of the config that stands for all that train like it; inert fields have their defaults."""
    while True:  # one rule may let another apply: separation that goes makes the partition inert
        plain = config.model_dump()
        for path in inert_fields(config):
            _put(plain, path, _default(config, path))
        for path, value in _rules(type(config).model_validate(plain)):
            _put(plain, path, value)
        simpler = type(config).model_validate(plain)
        if simpler == config:
            return plain
        config = simpler


def _rules(config: "TrainConfig") -> Iterator[tuple[str, Any]]:
    """What may be written more plainly: (path, value)."""
    steps, separation, teacher = config.timesteps, config.attention.separation, config.alignment.teacher
    whole = config.partition.whole_images(config.batch_size)
    if config.mixes_whole_images and whole == config.batch_size and steps.ordering == "none":
        # every image is whole: the same draws; with an ordering, t_0 is the largest of several and has another law
        yield from (("timesteps.kind", "single"), ("timesteps.gap", "independent"), ("attention.separation", "none"))
        yield from (("partition.full_image_probability", 0.0), ("alignment.teacher.separated", False))
        yield "alignment.teacher.interval.per", "auto"
        return
    if separation == "shuffled" and not noise_groups_used(config):
        yield "attention.separation", "full"  # in law: nothing but reading follows the groups, so which partition it is matters not
        if config.partition.assignment == "learned":  # whose views are random
            yield from (("partition.assignment", "random"), ("partition.score", None))
    if config.attention.one_way and isinstance(steps.gap, FixedGap) and steps.gap.fixed == 0:
        yield "attention.separation", "full"  # equal noise levels do not read each other
    if isinstance(steps.gap, MaxGap) and steps.gap.max == 1:
        yield "timesteps.gap", "independent"  # in law
    if not isinstance(config.partition.ratio, float) and len(config.partition.ratio) == 2:
        yield "partition.ratio", config.partition.shares[0]
    if teacher.timesteps == "interval" and teacher.interval.width == 0 and teacher.interval.clamp == "zero":
        yield "alignment.teacher.timesteps", "same"
    elif teacher.timesteps == "min" and steps.kind == "single":
        yield "alignment.teacher.timesteps", "same"  # the smallest of one
    if teacher.interval.per == ("group" if steps.kind == "dual" else "image"):
        yield "alignment.teacher.interval.per", "auto"


def _put(plain: dict[str, Any], path: str, value: Any) -> None:
    *sections, name = path.split(".")
    for section in sections:
        plain = plain[section]
    plain[name] = value


def _default(section: Section, path: str) -> Any:
    """The value of the field `path` in a section that says nothing."""
    name, _, rest = path.partition(".")
    if rest:
        return _default(getattr(section, name), rest)
    default = type(section).model_fields[name].default
    assert default is not PydanticUndefined, path
    return default
