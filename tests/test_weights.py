"Which weights are taken for which pictures, and what is said when they cannot be had or are not the right ones. The server is one of our own on this machine."
import functools

import pytest
import torch
import torchvision.transforms._presets
from test_bad_input import HOW, place, said, saved, server  # noqa: F401 (fixtures)
from torchvision.models._api import Weights, WeightsEnum

from course_lib import model

RAW, NAME = saved({"a": torch.ones(2000)})


def official(server, how, name, monkeypatch):
    "From now on torchvision's weights are at an address of this server"
    entry = Weights(url=f"{server.url}/{how}/{name}", transforms=functools.partial(torchvision.transforms._presets.ImageClassification, crop_size=224), meta={})
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda arch: WeightsEnum("W", {"DEFAULT": entry}))

def line(data, capsys):
    "What `best_arch` chose, and the one line that it printed"
    capsys.readouterr()
    arch = model.best_arch(data)
    *_, text = capsys.readouterr().out.splitlines()           # above it, torch may say that it downloads
    assert text.startswith(f"{arch}, with ")
    return arch, text


@pytest.mark.parametrize("data", ["pets", "cifar2", "/a/folder/of/mine"])
def test_photos_take_the_weights_from_a_million_photos(data, server, place, capsys, monkeypatch):
    server.files[NAME] = RAW
    official(server, "good", NAME, monkeypatch)
    assert line(data, capsys) == ("resnet18", "resnet18, with weights from a million photos: the best for photos.")
    assert [f.name for f in (place/"torch").rglob("*") if f.is_file()] == [NAME]
    official(server, "missing", NAME, monkeypatch)                         # nothing is asked for twice
    assert line(data, capsys)[0] == "resnet18"

@pytest.mark.parametrize("data", model.DRAWN)
def test_drawings_ask_no_server(data, capsys, monkeypatch):
    monkeypatch.setattr(torchvision.models, "get_model_weights", None)
    assert line(data, capsys)[0] == "tiny_resnet"

@pytest.mark.parametrize("how", HOW)
def test_without_a_network_photos_take_the_weights_that_are_here(how, server, place, capsys, monkeypatch):
    server.files[NAME] = RAW if how != "wrong checksum" else RAW[:-1] + b"?"
    if how == "no server": server.shutdown(); server.server_close()
    official(server, "good" if " " in how else how, NAME, monkeypatch)
    arch, text = line("pets", capsys)
    assert arch == "tiny_resnet" and "Those of resnet18, from a million photos, are not to be had: " in text and HOW[how] in text, text
    assert not [f for f in (place/"torch").rglob("*") if f.is_file()]

def test_a_damaged_file_is_named(server, place, capsys, monkeypatch):
    official(server, "good", NAME, monkeypatch)
    kept = place/"torch/hub/checkpoints"/NAME
    kept.parent.mkdir(parents=True)
    for damaged in b"", RAW[:-100]:
        kept.write_bytes(damaged)
        arch, text = line("pets", capsys)
        assert arch == "tiny_resnet" and text.endswith(f"{kept} is damaged or another file of that name, its checksum differs: delete it."), text

def test_a_folder_that_cannot_be_written(server, place, capsys, monkeypatch):
    server.files[NAME] = RAW
    official(server, "good", NAME, monkeypatch)
    (place/"torch").write_text("a file stands where the folder should be")
    assert line("pets", capsys)[0] == "tiny_resnet"


# --- weights of another network

OTHER = {"lack ['conv1.weight'": dict(a=torch.ones(3)), "have other shapes than its layers": {"conv1.weight": torch.ones(3)}}

@pytest.mark.parametrize("says", OTHER)
@pytest.mark.parametrize("arch", ["tiny_resnet", "resnet18"])
def test_weights_of_another_network(says, arch, server, capsys, monkeypatch):
    raw, name = saved(OTHER[says])
    server.files[name] = raw
    official(server, "good", name, monkeypatch)
    monkeypatch.setattr(model, "embedded_weights", lambda arch: (OTHER[says], None))
    *_, text = said(lambda: model.create_model(arch, 2), capsys).splitlines()
    assert text.startswith(f"The weights of {arch} {says}") and text.endswith("(another network, or another version?): update course_lib and torchvision."), text

def test_embedded_weights_that_are_cut_off(place, capsys):
    whole = (model.Path(model.__file__).parent/"weights/tiny_resnet.safetensors").read_bytes()
    for raw in whole[:-1], whole[:100], b"":
        (place/"tiny_resnet.safetensors").write_bytes(raw)
        text = said(lambda: model.embedded_weights(folder=place), capsys)
        assert f"tiny_resnet.safetensors in {place} is " in text and "install course_lib again" in text
