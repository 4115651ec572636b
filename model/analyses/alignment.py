"""How alike features are: of every two layers, of a layer and the frozen encoder of external alignment, and of two trials."""

import numpy as np
import torch
from numpy.typing import NDArray

from model.alignment.encoders import BLOCK as ENCODED
from model.alignment.encoders import encode, fitting_encoder
from model.analyses.grid import CLEAN, NOISY, layers_axis
from model.analyses.pooled_features import pooled_features
from model.analyses.similarity import FEWEST, cka_of_layers
from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.backbone.transformer import DiffusionTransformer
from model.config.encoder import EncoderConfig
from model.evaluation.reference import real_pictures

NAME = "alignment"
IMAGES = 512
LEVELS = (CLEAN, 0.5, NOISY)


def alignment(trained: Trained) -> AnalysisResult:
    """`layers[t, layer, other_layer]` within the trial; `encoder[t, layer]` where there is a frozen encoder; and
    `trials[other, t, layer, other_layer]` beside each other trial whose weights were given."""
    images = min(IMAGES, len(trained.data.held_out))
    if images < FEWEST:
        return trained.not_applicable(NAME, f"unbiased CKA needs {FEWEST} held-out images, and there are {images}")
    own = layer_features(trained, trained.network)
    axes = (Axis("t", LEVELS), layers_axis(own.shape[1]), layers_axis(own.shape[1], "other_layer"))
    label = "linear CKA, unbiased"
    arrays = [AnalysisArray("layers", label, axes, np.stack([cka_of_layers(each, each) for each in own]))]
    details: dict[str, object] = {"images": images, "features": "means over tokens", "label": "null"}
    encoder = trained.config.alignment.encoder
    if trained.config.alignment.kind == "external" and encoder is not None:
        frozen = encoder_features(trained, encoder)[None]
        values = np.stack([cka_of_layers(each, frozen)[:, 0] for each in own])
        arrays.append(AnalysisArray("encoder", f"{label}, with the frozen encoder", axes[:2], values))
        details |= {"encoder": encoder.name, "student_layer": trained.config.alignment.student_layer}
    else:
        details |= {"encoder": None}
    if trained.others:
        each_other = [layer_features(trained, trained.load(path)) for path in trained.others.values()]
        values = np.stack([np.stack([cka_of_layers(a, b) for a, b in zip(own, other, strict=True)]) for other in each_other])
        arrays.append(AnalysisArray("trials", f"{label}, with another trial", (Axis("other", tuple(trained.others)), *axes), values))
    return trained.result(NAME, tuple(arrays), details)


def layer_features(trained: Trained, network: DiffusionTransformer) -> NDArray[np.float64]:
    """(levels, L, n, D): features of the trial's held-out images in any network that takes them, to be compared with another's."""
    images, seed = trained.held_out(IMAGES), trained.config.evaluation.seed
    found = [pooled_features(network, images, level, trained.process, seed, "alignment") for level in LEVELS]
    return torch.stack(found).numpy()


def encoder_features(trained: Trained, config: EncoderConfig) -> NDArray[np.float64]:
    """(n, F): means over patches of what the encoder says of the clean held-out pictures."""
    pictures = torch.cat(list(real_pictures(trained.data, trained.config.backbone.patch).held_out.blocks(ENCODED, IMAGES)))
    encoder, side = fitting_encoder(config, round(trained.tokens**0.5), pictures.shape[-1])
    encoder.to(pictures.device)
    return encode(encoder, pictures, side).double().mean(dim=1).cpu().numpy()
