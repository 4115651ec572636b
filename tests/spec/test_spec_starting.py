"""What `sweeper init` writes: a sweep for every combination of the choices, of every kind of data, which editors find no fault with."""

import itertools
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image

from sweeper.errors import RequestError
from sweeper.plan.expand import data_facts, expand
from sweeper.spec.designs import contrast_weights, variants_of
from sweeper.spec.load import LoadedSweep, sweep_from
from sweeper.spec.schema import sweep_schema
from sweeper.spec.starting_data import starting_data
from sweeper.spec.starting_factors import FACTORS, chosen_factors, usual_question
from sweeper.spec.starting_file import Start, starting_text
from sweeper.spec.yaml_text import parse_yaml

SUBSETS = [names for size in range(1, len(FACTORS) + 1) for names in itertools.combinations(FACTORS, size)]
DATA = ("digits", "pictures", "large pictures", "images", "latents")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set of every kind in the current folder, by its name in DATA."""
    monkeypatch.chdir(tmp_path)
    for name, side, each in (("pictures", 16, 40), ("large pictures", 48, 6)):
        for label in ("cats", "dogs"):
            Path(name, label).mkdir(parents=True)
            for number in range(each):
                grey = 6 * number + (3 if label == "cats" else 0)
                Image.new("RGB", (side, side), (grey, 255 - grey, grey)).save(Path(name, label, f"{number}.png"))
    labels = np.arange(300) % 3
    draws = np.random.Generator(np.random.Philox(0))
    for name, array in (
        ("images", draws.integers(0, 256, (300, 16, 16, 3), dtype=np.uint8)),
        ("latents", draws.normal(0, 5, (300, 8, 16, 16)).astype(np.float16)),
    ):
        Path(name).mkdir()
        if name == "latents":
            array[:, 4:] = 0.1
        np.save(Path(name, "images.npy" if name == "images" else "moments.npy"), array)
        np.save(Path(name, "labels.npy"), labels)


def text_of(factors: tuple[str, ...], data: str = "digits", question: str = "Does it help?", seeds: int = 5) -> str:
    return starting_text(Start(question, starting_data(data), factors, seeds), name="mine", file="mine.yaml", schema="s.json")


def loaded(text: str, profile: str | None = None) -> LoadedSweep:
    return sweep_from(parse_yaml(text, "mine.yaml"), "mine.yaml", profile=profile)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("factors", SUBSETS, ids=",".join)
def test_every_combination_is_a_sweep(factors: tuple[str, ...], data: str) -> None:
    text = text_of(factors, data)
    sweep = loaded(text)
    assert len(sweep.configs) == 2 ** len(factors)
    assert sweep.spec.seeds == (0, 1, 2, 3, 4)
    assert sweep.spec.baseline == variants_of(sweep.spec)[0].name
    assert [contrast.name for contrast in sweep.spec.claims] == [f"effect of {name}" for name in factors]
    for contrast in sweep.spec.contrasts:
        assert any(contrast_weights(contrast, variants_of(sweep.spec)).values())
    assert len(loaded(text, "smoke").spec.seeds) == 2
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("data", DATA)
def test_it_can_be_planned_on_data_of_every_kind(data: str) -> None:
    sweep = loaded(text_of(tuple(FACTORS), data))
    trials = expand(sweep, data_facts(sweep), gpu=False)
    assert len(trials) == 16 * 5


def test_variants_of_one_combination_train_differently() -> None:
    """But for cells in which the ratio of groups does nothing, since there are no groups."""
    for factors in SUBSETS:
        sweep = loaded(text_of(factors))
        trials = expand(sweep, data_facts(sweep), gpu=False)
        idle = 5 * (2 if "alignment" in factors else 1) * ("timesteps" in factors and "ratio" in factors)
        assert len({trial.fingerprint for trial in trials}) == 5 * 2 ** len(factors) - idle, factors


@pytest.mark.parametrize("name", ["2024", "1e3", "true", "null", "No", "2024-01-01", "mine"])
def test_a_name_stays_a_text(name: str) -> None:
    start = Start("Does it help?", starting_data("digits"), ("timesteps",), 3)
    text = starting_text(start, name=name, file=f"{name}.yaml", schema="s.json")
    assert sweep_from(parse_yaml(text, "it"), "it", profile=None).spec.name == name


def test_editors_find_no_fault_with_it() -> None:
    validator = jsonschema.Draft202012Validator(sweep_schema())
    for factors, data in itertools.product(SUBSETS, ("digits", "latents")):
        assert [error.message for error in validator.iter_errors(yaml.safe_load(text_of(factors, data)))] == []


@pytest.mark.parametrize(
    "question",
    [
        "Does trick #3 help: yes or no?",
        "'Ann' asks @once",
        "# is it? - {a: [b",
        " ".join(["two-level noise-augmented"] * 30),
        "x" * 500,
        "Größe – ja?",
        "--- ...",
        "* & ! | > %",
    ],
)
def test_a_question_is_kept_word_by_word(question: str) -> None:
    assert loaded(text_of(("timesteps",), question=question)).spec.question == question


def test_what_is_read_off_a_folder() -> None:
    assert starting_data("digits").fields == "{kind: digits}"
    assert starting_data("pictures").fields == '{kind: folder, path: "pictures", resolution: 16}'
    assert (starting_data("pictures").patch, starting_data("large pictures").patch) == (None, 3)
    assert starting_data("images").fields == '{kind: images, path: "images", resolution: 16, images: 300, classes: 3}'
    assert starting_data("latents").fields == ('{kind: latents, path: "latents", channels: 4, resolution: 16, images: 300, classes: 3}')


def test_what_is_no_data(tmp_path: Path) -> None:
    def refused(data: str) -> str:
        with pytest.raises(RequestError) as caught:
            starting_data(data)
        return str(caught.value)

    assert refused("digts") == "--data digts: there is no such folder; give digits, or the path of a folder of images or of latents"
    Path("empty", "class").mkdir(parents=True)
    assert refused("empty").startswith("--data empty: it holds neither a folder of pictures per class, nor images.npy, nor moments.npy")
    Image.new("RGB", (4, 6)).save("empty/class/a.png")
    assert refused("empty").startswith("--data empty: empty/class/a.png has 4 x 6 pixels, and pictures are squares of one size")
    Path("empty/class/a.png").write_bytes(b"no picture")
    assert refused("empty").startswith("--data empty: it cannot be read (cannot identify image file")
    Path("images/images.npy").write_bytes(b"no array")
    assert refused("images").startswith("--data images: it cannot be read (")
    np.save("latents/moments.npy", np.zeros((3, 4)))
    assert (
        refused("latents") == "--data latents: it cannot be read (moments.npy has 2 axes, not 4); see docs/data.md for what a folder holds"
    )
    Path("latents/moments.npy").unlink()
    assert refused("latents").startswith("--data latents: it holds neither")


def test_factors_are_taken_in_the_order_given_and_by_name() -> None:
    assert chosen_factors("separation, timesteps") == ("separation", "timesteps")
    assert chosen_factors("partition ratio,") == ("ratio",)
    for wrong, message in (
        ("timestep", "--factors timestep: there is no factor 'timestep' to begin with; did you mean \"timesteps\"?"),
        ("", "--factors : name one or more of timesteps, separation, ratio, alignment, each once, separated by commas"),
        (
            "ratio,ratio",
            "--factors ratio,ratio: name one or more of timesteps, separation, ratio, alignment, each once, separated by commas",
        ),
    ):
        with pytest.raises(RequestError) as caught:
            chosen_factors(wrong)
        assert str(caught.value) == message


def test_the_usual_question_names_the_factors() -> None:
    assert usual_question(("alignment",)) == "Does self-alignment lower the held-out loss?"
    assert usual_question(("timesteps", "ratio")) == (
        "Which lowers the held-out loss: a second noise level in the image or an even partition of the tokens?"
    )
