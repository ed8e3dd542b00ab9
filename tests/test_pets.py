"What lesson 01 says of its networks and none of its cells shows."
import pytest
import torch
from course_lib import model
from course_lib.data import get_data, image_dls
from course_lib.labels import regex_label
from course_lib.learner import vision_learner
from course_lib.training import one_cycle


@pytest.mark.long
def test_the_leap_of_the_loss_from_nothing_lies_in_batchnorms_averages(tmp_path, monkeypatch):
    "Two epochs of lesson 01's six; then the averages are measured anew, and no parameter changes"
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    dls = image_dls(get_data("critters"), label=regex_label(r"(.+)_\d+"), size=80)
    learn = vision_learner(dls, "tiny_resnet", pretrained=False)
    sched = one_cycle(model.spread(5e-3, len(model.layer_groups(learn.model))), 0.25, 25., 1e5)
    learn.fit(2, 5e-3, lambda pct: sched(pct/3))
    parameters = [p.detach().clone() for p in learn.model.parameters()]
    for layer in learn.model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None               # plain averages over all batches
    learn.model.train()
    with torch.no_grad():
        for xb, _ in dls.train: learn.model(xb)
    assert all(map(torch.equal, parameters, learn.model.parameters()))
    assert learn.validate()["valid_loss"] < 0.5*learn.history[1]["valid_loss"]
