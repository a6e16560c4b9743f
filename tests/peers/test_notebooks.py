"""The notebooks that train beside PyTorch, Keras and TensorFlow; the others are run by tests/notebooks."""

import pytest

from tests.notebooks.execute import PEERS, check

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_runs(path, tmp_path, monkeypatch):
    check(path, tmp_path, monkeypatch)
