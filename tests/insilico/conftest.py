import pytest
from known_model import known_model


@pytest.fixture(scope="session")
def model():
    """A model of one mouse whose four neurons are known."""
    return known_model()
