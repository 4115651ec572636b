"""Which trials pair: those that drew the same, not those whose seeds have the same number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.plan.streams import PAIRING
from sweeper.records import TrialOutcome
from sweeper.spec.sweep_spec import Analysis


@dataclass(frozen=True)
class Pairing:
    """What the trials of one seed have in common, over the variants that a contrast weighs."""

    paired: bool
    """Whether they see the same images with the same noise at the same noise levels."""
    shared: tuple[str, ...] = ()
    """Streams that all of them draw from, and draw alike."""
    differing: tuple[str, ...] = ()
    """Streams that several draw from, not alike."""
    known: bool = True
    declared: bool = False
    """Whether the sweep says so (`analysis`), whatever the streams are."""
    block: bool = False
    """Whether seeds are blocks of an additive layout of all variants."""


ALL_PAIRED = Pairing(True)
_BLOCKS = (
    " A value is taken as a variant's plus a seed's plus a residual: this assumes that residuals vary alike in all variants, and that no"
    " variant gains more from a seed than another does."
)


def pairing_of(
    variants: Iterable[str], seeds: Sequence[int], outcomes: Mapping[tuple[str, int], TrialOutcome], analysis: Analysis | None = None
) -> Pairing:
    """As the sweep declares, else by the fingerprints of the streams of each variant's trials; variants without any trial are not asked."""
    found = _by_streams(variants, seeds, outcomes)
    return found if analysis is None else replace(found, paired=analysis == "paired", declared=True, block=analysis == "block")


def _by_streams(variants: Iterable[str], seeds: Sequence[int], outcomes: Mapping[tuple[str, int], TrialOutcome]) -> Pairing:
    first = [next((outcomes[name, seed] for seed in seeds if (name, seed) in outcomes), None) for name in variants]
    asked = [outcome.streams for outcome in first if outcome is not None]
    if not asked:
        return ALL_PAIRED
    if not all(asked):
        return Pairing(False, known=False)
    names = dict.fromkeys(stream for streams in asked for stream in streams)
    drawn = {stream: [streams[stream] for streams in asked if stream in streams] for stream in names}
    shared = tuple(stream for stream, prints in drawn.items() if len(prints) == len(asked) and len(set(prints)) == 1)
    differing = tuple(stream for stream, prints in drawn.items() if len(set(prints)) > 1)
    return Pairing(all(stream in shared for stream in PAIRING), shared, differing)


def pairing_notes(found: Mapping[str, Pairing]) -> list[str]:
    """A sentence for the pairs, by contrast, and one for each contrast without."""
    declared = {name: pairing for name, pairing in found.items() if pairing.declared}
    how = dict.fromkeys("blocks" if one.block else "paired" if one.paired else "not paired (Welch)" for one in declared.values())
    notes = [f"Seeds are {one}, as `analysis` of the sweep declares.{_BLOCKS if one == 'blocks' else ''}" for one in how]
    found = {name: pairing for name, pairing in found.items() if not pairing.declared}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, pairing in found.items():
        if pairing.paired and pairing.shared:
            alike.setdefault(pairing.shared, []).append(name)
    for shared, names in alike.items():
        who = "" if len(alike) == 1 and len(names) == len(found) else f" ({', '.join(names)})"
        notes.append(f"Paired seeds{who}: the trials of a seed share {', '.join(shared)}.")
    apart: dict[str, list[str]] = {}
    for name, pairing in found.items():
        if not pairing.paired:
            why = f"differ in {', '.join(pairing.differing)}" if pairing.known else "have no record of their random streams"
            apart.setdefault(why, []).append(name)
    for why, names in apart.items():
        who = "" if len(names) == len(found) else f" ({', '.join(names)})"
        notes.append(f"Seeds are not paired{who}, since the trials of a seed {why}: the spread of each cell counts by itself (Welch).")
    return notes
