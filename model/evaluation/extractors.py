"""Frozen networks whose features metrics compare. n images, C channels, S side, F features, K classes."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config.availability import ensure_available
from model.config.extractor import (
    FID_WEIGHTS,
    ClassifierExtractor,
    ClipExtractor,
    Dinov2Extractor,
    Extractor,
    InceptionExtractor,
    TimmExtractor,
)
from model.data.images import content_hash
from model.errors import ConfigError, DataError
from model.evaluation.published_features import CLIP_WIDTH, Seen, clip_embeddings, dinov2_features
from model.patches import unpatchify
from model.sampling.archive import to_pixels
from model.timm_models import UNREADABLE, import_timm, load_timm_model, read_weights, unreadable

BLOCK = 32
"""Images shown together."""
PROTOCOL = 1
"""Of `model.evaluation.published_features`: raised when it shows pictures otherwise."""

Forward = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""Colour images (n, 3, S, S) float32 in [-1, 1] to features (n, F) and, where they are measured, logits (n, K)."""


ForwardWithSpatial = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""As `Forward`, and spatial features (n, 2023) last."""
SPATIAL_CHANNELS = 7
"""The first ones, of 192: about as many numbers as there are pooled features (2103.03841)."""


@dataclass(frozen=True)
class FeatureExtractor:
    """A frozen network, and how images are shown to it."""

    name: str
    """Hash of its weights and of how images are shown: names the features of given images."""
    forward: Forward
    forward_with_spatial: ForwardWithSpatial | None = None
    """As `forward`, and the spatial features besides; of FID's Inception alone."""

    def extract_tokens(self, tokens: Tensor, patch: int, channels: int, tick: Callable[[], None]) -> tuple[Tensor, Tensor | None]:
        """As `extract`, of images given as tokens (n, T, P)."""
        return self.extract((unpatchify(block, patch, channels) for block in tokens.float().split(BLOCK)), tick)

    @torch.no_grad()
    def extract(self, images: Iterable[Tensor], tick: Callable[[], None]) -> tuple[Tensor, Tensor | None]:
        """Features (n, F) float64 and logits (n, K) float32 or None of blocks of images (m, 1 or 3, S, S), clamped to [-1, 1].

        `tick` is called before every block. The same in float32 whatever the trial's precision.
        """
        features, logits = [], []
        for block in images:
            tick()
            with torch.autocast(block.device.type, enabled=False):
                seen, verdict = self.forward(block.float().clamp(-1, 1).expand(-1, 3, -1, -1))
            features.append(seen.double().cpu())
            if verdict is not None:
                logits.append(verdict.cpu())
        return torch.cat(features), torch.cat(logits) if logits else None

    @torch.no_grad()
    def extract_with_spatial(self, images: Iterable[Tensor], tick: Callable[[], None]) -> tuple[Tensor, Tensor, Tensor]:
        """As `extract`, and spatial features (n, 2023) float64 last."""
        if self.forward_with_spatial is None:
            raise AssertionError("only FID's Inception has spatial features")
        spatial: list[Tensor] = []

        def forward(block: Tensor) -> tuple[Tensor, Tensor]:
            assert self.forward_with_spatial is not None
            features, logits, places = self.forward_with_spatial(block)
            spatial.append(places.double().cpu())
            return features, logits

        features, logits = FeatureExtractor(self.name, forward).extract(images, tick)
        assert logits is not None
        return features, logits, torch.cat(spatial)


def load_extractor(config: Extractor, device: torch.device) -> FeatureExtractor | None:
    """The frozen network of the config, or None for the evaluation classifier.

    Raises ConfigError for a network that cannot be had or is of no use, DataError for weights that cannot.
    """
    match config:
        case ClassifierExtractor():
            return None
        case TimmExtractor():
            return _timm_extractor(config, device)
        case Dinov2Extractor() | ClipExtractor():
            return _published_extractor(config, device)
        case InceptionExtractor():
            return _inception_extractor(config, device)


def _timm_extractor(config: TimmExtractor, device: torch.device) -> FeatureExtractor:
    """The whole image, resized to the side that the weights were trained at, in their colours; features as pooled for timm's head."""
    model = load_timm_model(config, "cannot be made ({error}); choose another model").to(device)
    shown, about = as_trained(model, config.name, device)

    def forward(images: Tensor) -> tuple[Tensor, None]:
        try:
            features = model.forward_head(model.forward_features(shown(images)), pre_logits=True)  # type: ignore[operator]
            if features.ndim != 2:
                raise TypeError(f"it gives {tuple(features.shape[1:])} numbers")
        except (AttributeError, TypeError) as error:
            raise ConfigError(f"{config.place}.name: {config.name} gives no vector per image ({error}); choose another model") from error
        return features, None

    return FeatureExtractor(named(model, about), forward)


def as_trained(model: nn.Module, name: str, device: torch.device) -> tuple[Callable[[Tensor], Tensor], dict[str, object]]:
    """How a model of timm is shown colour images (n, 3, S, S) in [-1, 1]: whole, at the side and in the colours that its weights were
    trained with; and what names that."""
    known = import_timm().data.resolve_model_data_config(model)
    side, mode = known["input_size"][-2:], "bilinear" if known["interpolation"] == "bilinear" else "bicubic"
    mean, std = (torch.tensor(known[part], device=device).view(1, -1, 1, 1) for part in ("mean", "std"))

    def shown(images: Tensor) -> Tensor:
        resized = F.interpolate((images + 1) / 2, size=side, mode=mode, antialias=True)
        colours: Tensor = (resized - mean) / std
        return colours

    return shown, {part: known[part] for part in ("input_size", "mean", "std")} | {"mode": mode, "model": name.split(".")[0]}


def _published_extractor(config: Dinov2Extractor | ClipExtractor, device: torch.device) -> FeatureExtractor:
    """The network and protocol of the paper that a metric in its features comes from."""
    classes = CLIP_WIDTH if isinstance(config, ClipExtractor) else 0  # timm has CLIP's projection as a classifier
    model = load_timm_model(config, "cannot be made ({error}); install another timm, or choose another kind", classes)
    # Before positions are resized, whose last digits are the processor's.
    name = named(model, {"model": config.kind, "protocol": PROTOCOL})
    seen: Seen = clip_embeddings(model) if isinstance(config, ClipExtractor) else dinov2_features(model)
    model.to(device)

    def forward(images: Tensor) -> tuple[Tensor, None]:
        return seen(images), None

    return FeatureExtractor(name, forward)


def _inception_extractor(config: InceptionExtractor, device: torch.device) -> FeatureExtractor:
    """FID's protocol: pixels of 8 bits, resized as TensorFlow 1 did, (x - 128) / 128, 2048 pooled features, 1008 logits without bias.

    The network, its resize and its scaling are torch-fidelity's, which keeps them equal to TensorFlow's.
    """
    ensure_available(config)
    import_timm()  # lets torchvision be imported, which torch-fidelity needs too
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = config.file or published_weights()
    state = io.BytesIO()  # torch-fidelity unpickles whatever file it is given: it gets one of ours, with tensors only
    torch.save(read_weights(path, config), state)
    state.seek(0)
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], state)
    except (RuntimeError, AttributeError, TypeError) as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"{path} holds no weights of FID's Inception-v3 ({said[:200]}); give weights-inception-2015-12-05-6726825d.pth, or"
            f" {config.place}.weights: hub"
        ) from error
    network.to(device)

    # ADM's spatial features are `mixed_6/conv:0` [..., :7] of TensorFlow's graph: the 1 x 1 branch of the block that is called Mixed_6d
    # here (torch-fidelity's utils/util_convert_inception_weights.py maps one to the other), after its ReLU, which is the operation of
    # that name. ADM flattens (17, 17, 7), the channel last.
    spatial: list[Tensor] = []
    network.Mixed_6d.branch1x1.register_forward_hook(lambda _, __, found: spatial.append(found[:, :SPATIAL_CHANNELS]))

    def forward_with_spatial(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pixels = torch.from_numpy(to_pixels(images)).permute(0, 3, 1, 2)
        spatial.clear()
        features, logits = network(pixels.to(device))
        return features, logits, spatial.pop().permute(0, 2, 3, 1).flatten(1)

    def forward(images: Tensor) -> tuple[Tensor, Tensor]:
        return forward_with_spatial(images)[:2]

    return FeatureExtractor(named(network, {"model": "inception"}), forward, forward_with_spatial)


def published_weights() -> Path:
    """FID's file in torch's download cache, fetched when it is not there; raises DataError without a network."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rsplit("/", 1)[-1]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), hash_prefix=FID_WEIGHTS, progress=False)
        except UNREADABLE as error:
            raise unreadable(f"the published file {URL_INCEPTION_V3}", InceptionExtractor.place, error) from error
    elif InceptionExtractor.hash_of(path) != FID_WEIGHTS[:16]:
        raise DataError(f"{path} is not the published file that its name says; remove it, and it is fetched again")
    return path


def named(model: nn.Module, shown: dict[str, object]) -> str:
    """Hash of the weights and of how images are shown."""
    state = model.state_dict()
    weights = (state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes() for name in sorted(state))
    return content_hash(repr(sorted(shown.items())).encode(), *weights)
