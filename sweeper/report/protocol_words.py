"""How samples were drawn and compared, in words: of weights that were measured here, and of a sweep's trials."""

from collections.abc import Mapping
from typing import Any

USUAL_TOLERANCE = 1e-5


def badge_of(protocol: Mapping[str, Any], reference: str) -> tuple[str, str, str]:
    """('FID-50K · guidance 1.5 in [0, 1]', 'euler_maruyama, 250 steps · labels random', 'against adm.npz (hash)')."""
    asked = protocol["evaluation"]
    samples = asked["samples"]
    drawn = f"FID-{samples // 1000}K" if samples % 1000 == 0 else f"FID of {samples:,} samples"
    guided = guidance_words(asked["guidance"])
    return f"{drawn} · {'no guidance' if guided == 'none' else f'guidance {guided}'}", _how(asked), f"against {reference}"


def _how(asked: Mapping[str, Any]) -> str:
    return f"{sampler_words(asked['sampler'])} · labels {asked['labels']}"


def guidance_words(guidance: Mapping[str, Any]) -> str:
    """'1.5 in [0, 1]', 'none', 'best of 1, 1.5 on seed 7 in [0, 1]'."""
    low, high = guidance["interval"]
    within = f" in [{low:g}, {high:g}]" + (" on the first 3 channels" if guidance.get("channels") == "first3" else "")
    if best_of := guidance.get("best_of"):
        by = f" by {guidance['by']}" if guidance.get("by") else ""
        return f"best of {', '.join(f'{scale:g}' for scale in best_of)}{by} on seed {guidance['seed']}{within}"
    return "none" if guidance["scale"] == 1 else f"{guidance['scale']:g}{within}"


def choice_words(details: Mapping[str, Any]) -> str | None:
    """'guidance 1.5 chosen on seed 7: fid 2.31 at 1, 2.06 at 1.5'; None where there was nothing to choose."""
    if not isinstance(choice := details.get("guidance"), Mapping):
        return None
    values = ", ".join(f"{'not finite' if value is None else f'{value:.4g}'} at {scale}" for scale, value in choice["values"].items())
    return f"guidance {choice['chosen']:g} chosen on seed {choice['seed']}: {choice['by']} {values}"


def sampler_words(sampler: Mapping[str, Any]) -> str:
    """'euler_maruyama, 250 steps'; 'dopri5', with its tolerances where they are not the usual ones."""
    named = f"{sampler['kind']} ({sampler['source_hash'][:12]})" if sampler.get("source_hash") else f"{sampler['kind']}"
    if sampler["kind"] != "dopri5":
        return f"{named}, {sampler['steps']} steps"
    relative, absolute = (sampler.get(f"{which}_tolerance", USUAL_TOLERANCE) for which in ("relative", "absolute"))
    return named if relative == absolute == USUAL_TOLERANCE else f"{named}, tolerances {relative:g} and {absolute:g}"


def protocol_words(protocol: Mapping[str, Any]) -> dict[str, str]:
    """Field -> its words, of what `model.evaluate_weights` says of an evaluation, or of a trial's evaluation in the same words.

    A field that the protocol does not name is left out. Files go by the hashes of what they hold.
    """
    asked, network = protocol["evaluation"], protocol.get("network", {})
    found = {
        "samples": f"{asked['samples']:,}",
        "labels": str(asked["labels"]),
        "sampler": sampler_words(asked["sampler"]),
        "guidance": guidance_words(asked["guidance"]),
        "features": _features(asked["extractor"]),
        "reference": asked.get("reference_hash") or "training images",
        "autoencoder": _autoencoder(asked.get("autoencoder")),
    }
    found |= {"data": images} if (images := _images(network)) else {}
    return found | {field: str(protocol[field]) for field in ("precision", "device", "torch") if field in protocol}


def _features(extractor: Mapping[str, Any]) -> str:
    return " ".join(str(extractor[part]) for part in ("kind", "name", "weights_hash") if extractor.get(part))


def _autoencoder(autoencoder: Mapping[str, Any] | None) -> str:
    if autoencoder is None:
        return "none"
    return f"{autoencoder['kind']} {autoencoder.get('weights_hash') or autoencoder['weights']}"


def _images(network: Mapping[str, Any]) -> str:
    if not all(name in network for name in ("channels", "resolution", "classes")):
        return ""
    side = network["resolution"]
    return f"{network['channels']} x {side} x {side}, {network['classes']:,} classes"
