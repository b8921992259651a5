"""What a simulated mouse is like: its population, its behavior, its responses."""

import dataclasses

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.simulation import recording_spec, simulate_mouse
from sensorium_tf.simulation.behavior import sample_state
from sensorium_tf.simulation.images import at_model_scale, dead_leaves, sample_images
from sensorium_tf.simulation.population import ReceptiveFields, sample_population

SIZE = (36, 64)


@pytest.fixture(scope="module")
def mouse():
    return simulate_mouse(n_neurons=120, n_images=200)


@pytest.fixture(scope="module")
def images():
    return at_model_scale(sample_images(150, (144, 256, 1), np.random.default_rng(2)), SIZE)


def correlation(a, b):
    """Returns Pearson's correlation of each column."""
    a, b = ((x - x.mean(0)) / x.std(0) for x in (np.asarray(a, float), np.asarray(b, float)))
    return (a * b).mean(0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reliability_is_that_of_a_real_recording(seed):
    mouse = simulate_mouse(n_neurons=150, n_images=150, seed=seed)
    oracle = correlation(mouse.rates, mouse.responses)
    assert 0.3 < oracle.mean() < 0.53
    assert 0.07 < oracle.std() < 0.2
    assert oracle.min() > 0


def test_responses_look_like_deconvolved_calcium(mouse):
    assert mouse.responses.min() == 0
    assert 0.4 < (mouse.responses == 0).mean() < 0.9
    deviation = mouse.responses - mouse.responses.mean(0)
    skewness = (deviation**3).mean(0) / mouse.responses.std(0) ** 3
    assert np.median(skewness) > 1.5


def test_rates_are_the_expected_responses(mouse):
    assert (mouse.rates > 0).all()
    total = mouse.responses.sum(0) / mouse.rates.sum(0)
    assert abs(total.mean() - 1) < 0.06
    strong = mouse.rates > np.quantile(mouse.rates, 0.9, axis=0)
    assert abs(mouse.responses[strong].sum() / mouse.rates[strong].sum() - 1) < 0.1


def test_tiers_hold_the_images_asked_for():
    mouse = simulate_mouse(n_neurons=2, n_images=60, n_repeats=4, competition=True)
    repeats = {}
    for tier in ("train", "validation", "test", "final_test"):
        ids, counts = np.unique(mouse.image_ids[mouse.tiers == tier], return_counts=True)
        repeats[tier] = (len(ids), set(counts.tolist()))
    assert repeats == {
        "train": (54, {1}),
        "validation": (6, {1}),
        "test": (10, {4}),
        "final_test": (10, {4}),
    }
    assert "final_test" not in simulate_mouse(n_neurons=2, n_images=60, n_repeats=4).tiers


def test_long_recordings_have_more_test_images(monkeypatch):
    def noise(n_images, shape, rng):
        return rng.integers(0, 256, (n_images, *shape), np.uint8)

    monkeypatch.setattr("sensorium_tf.simulation.mouse.sample_images", noise)
    mouse = simulate_mouse(n_neurons=1, n_images=600, n_repeats=2)
    assert len(np.unique(mouse.image_ids[mouse.tiers == "test"])) == 12


def test_no_image_is_in_two_tiers(mouse):
    for image in np.unique(mouse.image_ids):
        assert len(set(mouse.tiers[mouse.image_ids == image])) == 1


def test_tiers_are_interleaved_in_file_and_in_time(mouse):
    for order in (np.arange(len(mouse.tiers)), np.argsort(mouse.trial_ids)):
        is_test = mouse.tiers[order] == "test"
        first, second = np.array_split(is_test, 2)
        assert 0.5 < first.sum() / second.sum() < 2
    assert not np.array_equal(mouse.trial_ids, np.sort(mouse.trial_ids))


def test_repeats_share_the_image_but_not_the_noise(mouse):
    for image in np.unique(mouse.image_ids[mouse.tiers == "test"]):
        trials = np.flatnonzero(mouse.image_ids == image)
        assert len(trials) == 10
        assert (mouse.images[trials] == mouse.images[trials[0]]).all()
        assert not np.array_equal(mouse.responses[trials[0]], mouse.responses[trials[1]])
    different = [mouse.images[mouse.image_ids == i][0].tobytes() for i in set(mouse.image_ids)]
    assert len(set(different)) == len(different)


def test_neurons_lie_in_a_field_of_view_of_layer_2_3(mouse):
    x, y, depth = mouse.population.coordinates.T
    for surface in (x, y):
        assert 600 < np.ptp(surface) < 900
        assert np.abs(surface).max() < 500
    assert depth.min() > 140
    assert depth.max() < 310
    assert (np.diff(mouse.population.unit_ids) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_in_cortex_see_neighbouring_places(seed):
    population = sample_population(400, np.random.default_rng(seed), size=SIZE)
    x, y = population.coordinates[:, :2].T / 400
    smooth = np.column_stack([np.ones_like(x), x, y, x * y, x**2, y**2])
    coefficients, *_ = np.linalg.lstsq(smooth, population.positions, rcond=None)
    scatter = (population.positions - smooth @ coefficients).std(0)
    assert (scatter < 1.0).all(), "pixels of the 36 x 64 image"
    assert (population.positions.std(0) > 3 * scatter).all()
    # More than a plane: the map is bent.
    _, residuals, *_ = np.linalg.lstsq(smooth[:, :3], population.positions, rcond=None)
    assert np.sqrt(residuals[0] / len(x)) > 1.1 * scatter[0]


def test_receptive_fields_lie_within_the_image():
    for seed in range(5):
        column, row = sample_population(300, np.random.default_rng(seed), size=SIZE).positions.T
        assert column.min() > 8
        assert column.max() < 55
        assert row.min() > 4
        assert row.max() < 31


def test_simple_cells_know_bright_from_dark_and_complex_cells_do_not(images):
    population = sample_population(80, np.random.default_rng(0), size=SIZE)
    fields = ReceptiveFields(population, images)
    at_rest = np.zeros((len(images), 2), np.float32)
    drive = fields.drive(images, at_rest)
    # Mirrored about the brightness that neurons are adapted to.
    inverted = fields.drive(210 - images, at_rest)
    cells = population.complex_cells
    np.testing.assert_allclose(drive[:, cells], inverted[:, cells], rtol=1e-2, atol=1e-3)
    assert (np.minimum(drive, inverted)[:, ~cells] < 1e-3).all()
    assert 0.3 < cells.mean() < 0.9


def test_neurons_prefer_the_gratings_they_are_made_for(images):
    population = sample_population(60, np.random.default_rng(1), size=SIZE)
    fields = ReceptiveFields(population, images)
    row, column = np.mgrid[:36, :64]

    def grating(neuron, turn):
        angle = population.orientations[neuron] + turn
        x, y = column - population.positions[neuron, 0], row - population.positions[neuron, 1]
        wave = (np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi
        phase = wave / population.wavelengths[neuron] + population.phases[neuron]
        return 105 + 60 * np.cos(phase)[..., None]

    neurons = np.arange(60)
    at_rest = np.zeros((60, 2), np.float32)
    along, across = (
        fields.drive(np.stack([grating(n, turn) for n in neurons]), at_rest)[neurons, neurons]
        for turn in (0, np.pi / 2)
    )
    assert (along > across).mean() > 0.9
    assert along.mean() > 2 * across.mean()


def test_when_the_eye_moves_receptive_fields_move_with_it(images):
    population = sample_population(50, np.random.default_rng(3), size=SIZE)
    fields = ReceptiveFields(population, images)
    looks_right = np.tile(np.float32([[12.5, 0]]), (len(images), 1))
    at_rest = np.zeros_like(looks_right)
    moved = fields.drive(images, looks_right)
    assert correlation(moved, fields.drive(images, at_rest)).mean() < 0.9
    # 12.5 camera pixels are two image pixels: the image moved back by as much undoes them.
    image_moved_along = np.roll(images, 2, axis=2)
    np.testing.assert_allclose(
        fields.drive(image_moved_along, looks_right), fields.drive(images, at_rest), atol=2e-2
    )


def test_the_rates_know_where_the_eye_looks(mouse):
    images = at_model_scale(mouse.images, SIZE)
    fields = ReceptiveFields(mouse.population, images)
    gaze = mouse.signals["pupil_center"] - np.float32([59.5, 45])
    followed = correlation(fields.drive(images, gaze), mouse.rates).mean()
    ignored = correlation(fields.drive(images, 0 * gaze), mouse.rates).mean()
    assert followed > ignored + 0.01


def test_running_and_a_wide_pupil_raise_the_rates(mouse):
    test = mouse.tiers == "test"
    dilation, _, running = mouse.signals["behavior"][test].T
    images = mouse.image_ids[test]
    mean_rate = (mouse.rates / mouse.rates.mean(0))[test].mean(1)
    # Against the mean of the same image, so that only the state is left.
    for image in np.unique(images):
        mean_rate[images == image] /= mean_rate[images == image].mean()
    assert np.corrcoef(mean_rate, np.log1p(running))[0, 1] > 0.4
    assert np.corrcoef(mean_rate, dilation)[0, 1] > 0.2


def test_behavior_is_smooth_in_time_and_in_the_units_of_real_files():
    state = sample_state(4000, np.random.default_rng(0))
    dilation, derivative, running = state.behavior.T
    for signal, least in ((dilation, 0.9), (running, 0.9), (derivative, 0.4)):
        assert np.corrcoef(signal[1:], signal[:-1])[0, 1] > least
    for column in state.pupil_center.T:
        assert np.corrcoef(column[1:], column[:-1])[0, 1] > 0.8
    assert np.corrcoef(derivative[1:-1], dilation[2:] - dilation[:-2])[0, 1] > 0.99
    assert running.min() >= 0
    assert np.median(running) < 1 < running.mean() < 6
    assert 10 < running.max() < 80
    assert 25 < dilation.mean() < 35
    assert dilation.min() > 5
    np.testing.assert_allclose(state.pupil_center.mean(0), [59.5, 45], atol=1.5)
    np.testing.assert_allclose(state.pupil_center.std(0), [3.4, 2.1], rtol=0.25)


def test_images_have_the_brightness_contrast_and_spectrum_of_natural_ones():
    images = dead_leaves(60, (144, 256), np.random.default_rng(1))
    assert images.dtype == np.uint8
    assert images.shape == (60, 144, 256)
    assert 85 < images.mean() < 125
    assert 45 < images.std() < 70
    assert ((images == 0) | (images == 255)).mean() < 0.1
    centred = images - images.mean((1, 2), keepdims=True)
    window = np.hanning(144)[:, None] * np.hanning(256)
    power = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(144)[:, None], np.fft.fftfreq(256))
    band = (frequency > 0.02) & (frequency < 0.3)
    slope, _ = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)
    assert -2.7 < slope < -1.5, "power falls about as the square of frequency"


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_models_see_the_central_pixels_of_each_block(step):
    height, width = 4 * step + step // 2, 6 * step
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 2), np.uint8)
    scaled = at_model_scale(image, (4, 6))
    assert scaled.shape == (1, 4, 6, 2)
    first = 3 * step + (step - 1) // 2, 5 * step + (step - 1) // 2
    rows, columns = (slice(n, n + 2 - step % 2) for n in first)
    assert scaled[0, 3, 5, 1] == image[0, rows, columns, 1].mean()


def test_colours_have_most_of_an_image_in_common_but_not_all():
    images = sample_images(20, (36, 64, 2), np.random.default_rng(1))
    assert images.shape == (20, 36, 64, 2)
    first, second = (images[..., channel].reshape(20, -1).T for channel in range(2))
    assert 0.5 < correlation(first, second).mean() < 0.95
    assert 85 < second.mean() < 125
    grey = sample_images(20, (36, 64, 1), np.random.default_rng(1))
    np.testing.assert_array_equal(grey[..., 0], images[..., 0])


@pytest.mark.parametrize(("size", "model_size"), [("36x64", (36, 64)), ("72x128", (36, 64))])
def test_receptive_fields_do_not_depend_on_how_finely_images_are_recorded(size, model_size):
    spec = recording_spec(image_size=size)
    mouse = simulate_mouse(n_neurons=30, n_images=20, n_repeats=2, spec=spec)
    assert mouse.images.shape[1:] == spec.image_shape
    assert mouse.population.size == model_size
    published = simulate_mouse(n_neurons=30, n_images=20, n_repeats=2)
    np.testing.assert_array_equal(mouse.population.positions, published.population.positions)


def test_receptive_fields_become_larger_with_the_image():
    small, large = (
        sample_population(30, np.random.default_rng(0), size=size) for size in ((36, 64), (72, 128))
    )
    np.testing.assert_allclose(large.widths, 2 * small.widths)
    np.testing.assert_allclose(large.positions + 0.5, 2 * (small.positions + 0.5), rtol=1e-12)


def test_each_neuron_has_colours_of_its_own():
    spec = recording_spec(image_size="36x64", n_channels=2)
    mouse = simulate_mouse(n_neurons=40, n_images=80, n_repeats=2, spec=spec)
    shares = mouse.population.colour_weights
    np.testing.assert_allclose(shares.sum(1), 1)
    fields = ReceptiveFields(mouse.population, mouse.images)
    at_rest = np.zeros((len(mouse.images), 2), np.float32)
    other = mouse.images.copy()
    other[..., 1] = np.roll(other[..., 1], 1, axis=0)
    kept = correlation(fields.drive(mouse.images, at_rest), fields.drive(other, at_rest))
    assert np.corrcoef(kept, shares[:, 0])[0, 1] > 0.6


def test_a_decision_and_more_behaviors_change_the_rates():
    spec = recording_spec(image_size="36x64", n_behaviors=4, context=["decision"])
    mouse = simulate_mouse(n_neurons=40, n_images=300, n_repeats=2, spec=spec)
    assert {name: values.shape[1] for name, values in mouse.signals.items()} == {
        "behavior": 4,
        "pupil_center": 2,
        "decision": 1,
    }
    further = np.column_stack([mouse.signals["behavior"][:, 3], mouse.signals["decision"]])
    assert np.abs(further).max() <= 1 and (further.std(0) > 0.3).all()
    for column, weights in zip(further.T, mouse.population.further_weights.T, strict=True):
        follows = correlation(np.log(mouse.rates), column[:, None])
        assert np.corrcoef(follows, weights)[0, 1] > 0.7


def test_an_animal_that_is_not_watched_moves_all_the_same():
    spec = recording_spec(image_size="36x64", n_behaviors=0, pupil_center=False)
    settings = {"n_neurons": 5, "n_images": 20, "n_repeats": 2}
    mouse = simulate_mouse(**settings, spec=spec)
    assert mouse.signals == {}
    watched = simulate_mouse(**settings, spec=recording_spec(image_size="36x64"))
    np.testing.assert_array_equal(mouse.rates, watched.rates)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"image_size": "large"}, "image size 'large': expected height x width, such as 36x64"),
        ({"image_size": "36x-64"}, "image size '36x-64': expected"),
        ({"image_size": "2x64"}, "image_height must be a whole number of at least 8, received 2"),
        ({"n_channels": 0}, "channels must be a whole number of at least 1, received 0"),
        ({"n_behaviors": -1}, "columns of behavior must be a whole number of at least 1"),
        ({"context": ["behavior"]}, "context signal 'behavior': is recorded already"),
        ({"context": ["image_id"]}, "context signal 'image_id': expected letters"),
        ({"context": ["../x"]}, "context signal '../x': expected letters"),
    ],
)
def test_recordings_that_cannot_be_are_refused(settings, told):
    with pytest.raises(SensoriumError, match=told):
        simulate_mouse(n_neurons=2, n_images=20, spec=recording_spec(**settings))


def test_the_seed_and_the_session_decide_everything():
    small = {"n_neurons": 5, "n_images": 20, "n_repeats": 2}
    first, again, seed, session = (
        simulate_mouse(**small, **settings)
        for settings in ({}, {}, {"seed": 1}, {"session_key": "21067-10-18"})
    )
    for field in dataclasses.fields(first):
        value, same = getattr(first, field.name), getattr(again, field.name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, same, field.name)
    for other in (seed, session):
        for name in ("images", "rates", "responses"):
            assert not np.array_equal(getattr(first, name), getattr(other, name)), name
        for name, values in first.signals.items():
            assert not np.array_equal(values, other.signals[name]), name


def test_more_neurons_see_the_same_images_in_the_same_state():
    few, many = (simulate_mouse(n_neurons=n, n_images=20, n_repeats=2) for n in (3, 30))
    np.testing.assert_array_equal(few.images, many.images)
    np.testing.assert_array_equal(few.signals["behavior"], many.signals["behavior"])


def test_chunks_leave_no_seam(monkeypatch):
    small = {"n_neurons": 5, "n_images": 40, "n_repeats": 2}
    whole = simulate_mouse(**small)
    monkeypatch.setattr("sensorium_tf.simulation.mouse._CHUNK_TRIALS", 7)
    np.testing.assert_allclose(simulate_mouse(**small).rates, whole.rates, rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"n_neurons": 0}, "n_neurons must be a whole number of at least 1, received 0"),
        ({"n_neurons": 2.5}, "n_neurons must be a whole number of at least 1, received 2.5"),
        ({"n_images": 9}, "n_images must be a whole number of at least 10, received 9"),
        ({"n_repeats": 1}, "n_repeats must be a whole number of at least 2, received 1"),
        ({"seed": -1}, "seed must be a whole number of at least 0, received -1"),
        ({"session_key": "mouse1"}, "session key 'mouse1'"),
        ({"session_key": "1-2-3-4"}, "session key '1-2-3-4'"),
        ({"session_key": "1234567890-1-1"}, "session key '1234567890-1-1'"),
        ({"session_key": "\u0661-1-1"}, "session key '\u0661-1-1'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, told):
    with pytest.raises(SensoriumError) as refused:
        simulate_mouse(**arguments)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
