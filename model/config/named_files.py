"""Files that a config names by content, beside its data: weights of frozen networks, and the pictures that samples are compared with."""

from pathlib import Path

from model.config.autoencoder import AutoencoderConfig, hash_of
from model.config.frozen import FrozenNetwork, hash_of_weights
from model.config.reference_file import PLACE, named_reference
from model.config.train import TrainConfig


def outside_files(config: TrainConfig) -> dict[str, tuple[str, str]]:
    """The path and the short content hash of each, by its place in the config. What comes over a network by its name is none."""
    evaluation = config.evaluation
    encoder = config.alignment.encoder if config.alignment.kind == "external" else None
    found = {}
    for network in (encoder, evaluation.extractor, evaluation.classifier):
        if isinstance(network, FrozenNetwork) and network.file is not None:
            found[f"{network.place}.weights"] = (str(network.file), network.weights_hash)
    if evaluation.autoencoder is not None and evaluation.autoencoder.folder is not None:
        found[f"{evaluation.autoencoder.place}.weights"] = (str(evaluation.autoencoder.folder), evaluation.autoencoder.weights_hash)
    if evaluation.reference_hash:
        found[PLACE] = (evaluation.reference, evaluation.reference_hash)
    return found


def content_on_this_machine(place: str, path: str) -> str:
    """The short content hash of such a file here; raises ConfigError, naming the place, when it cannot be read."""
    if place == PLACE:
        return named_reference(path)[1]
    if place == f"{AutoencoderConfig.place}.weights":
        return hash_of(Path(path), place)
    return hash_of_weights(Path(path), place)
