"""Neurons with a Gabor filter each, which start from a map of their receptive fields."""

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import ContrastCore, ReceptiveFieldReadout, firing_rate
from sensorium_tf.models.ops.field_map import FieldMap, SmoothMap, map_fields, smooth_map
from sensorium_tf.models.ops.gabor_fields import GaborFields
from sensorium_tf.testing import check_model

SIZE = (36, 64)
# x, y, direction, phase, wavelength and width of four filters.
FIELDS = np.array(
    [
        [20.0, 12.0, 0.0, 0.0, 8.0, 3.4],
        [40.0, 20.0, np.pi / 4, np.pi / 2, 10.0, 4.3],
        [30.0, 15.0, np.pi / 2, np.pi, 7.0, 3.0],
        [40.0, 17.0, 2.0, 1.0, 14.0, 5.0],
    ],
    np.float32,
)


def drawn(field):
    """Draws the filters of a neuron, and its centre and surround, as the formulas say."""
    x, y, direction, phase, wavelength, width = field.astype(float)
    rows, columns = np.indices(SIZE)
    right, up = columns - x, y - rows
    window, wide = (np.exp(-(right**2 + up**2) / (2 * each**2)) for each in (width, 2 * width))
    along = 2 * np.pi / wavelength * (right * np.cos(direction) + up * np.sin(direction))
    even = window * np.cos(along)
    even -= window * even.sum() / window.sum()
    odd = window * np.sin(along)
    size = np.sqrt(2 / np.pi) * 6 / (width * wavelength)
    turned = np.cos(phase) * even + np.sin(phase) * odd
    later = np.cos(phase) * odd - np.sin(phase) * even
    return [size * each for each in (turned, later, window - wide / 4)]


def test_fields_respond_as_their_filters_drawn(rng, to_numpy):
    images = rng.normal(size=(3, *SIZE)).astype("float32")
    found = GaborFields(*FIELDS.T).responses(images)
    expected = [
        np.tensordot(images, np.stack(each), ((1, 2), (1, 2)))
        for each in zip(*map(drawn, FIELDS), strict=True)
    ]
    for ours, theirs in zip((found.first, found.later, found.center), expected, strict=True):
        np.testing.assert_allclose(to_numpy(ours), theirs, atol=2e-3)
    lengths = [np.sqrt((each**2).sum()) for field in FIELDS for each in drawn(field)[:2]]
    np.testing.assert_allclose(lengths, np.repeat(6 / FIELDS[:, 4], 2), rtol=0.05)


def cells(images, rng, noise=0.3):
    """Returns responses of two simple and two complex cells of the filters above."""
    answers = [
        [np.tensordot(images, each, ((1, 2), (0, 1))) for each in drawn(field)[:2]]
        for field in FIELDS
    ]
    rates = [np.maximum(first, 0) for first, _ in answers[:2]]
    rates += [np.hypot(*both) for both in answers[2:]]
    rates = np.stack(rates, axis=1)
    return np.maximum(rates + noise * rates.std(axis=0) * rng.normal(size=rates.shape), 0)


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(5)
    images = rng.normal(size=(600, *SIZE)).astype("float32")
    return images, cells(images, rng).astype("float32")


def turn(angle, full):
    """Returns how far an angle is from 0, as a share of a turn that changes nothing."""
    return np.abs((angle + full / 2) % full - full / 2)


@pytest.mark.parametrize(("n_wrong", "fit"), [(35, 0.1), (70, 0.0)])
def test_a_map_of_cortex_tells_where_fields_are_despite_wrong_ones(rng, n_wrong, fit):
    coordinates = rng.uniform(-1, 1, (120, 2)).astype("float32")
    curved = 6 * np.square(coordinates[:, :1])
    smooth = np.array([30, 18]) + coordinates @ [[12, 3], [-2, 6]] + curved
    places = smooth + rng.normal(0, 1.5, smooth.shape)
    places[:n_wrong] = 0
    fits = np.where(np.arange(120) < n_wrong, fit, 0.1)
    found = smooth_map(coordinates, FieldMap(*places.T, *np.zeros((3, 120)), fits))
    assert found.spread == pytest.approx(1.5, rel=0.5)
    assert np.median(np.hypot(*(found.places - smooth).T)) < 1.5
    lone = smooth_map(np.zeros((1, 2), np.float32), FieldMap(*np.full((6, 1), 7.0)))
    np.testing.assert_allclose(lone.places, [[7, 7]])
    silent = smooth_map(coordinates, FieldMap(*places.T, *np.zeros((4, 120))))
    assert np.isfinite(silent.places).all()


def test_a_map_finds_the_filters_of_simple_and_complex_cells(seen):
    found = map_fields(seen[0], np.sqrt(seen[1]), wavelengths=(7, 10, 14))
    # A filter is tried at every quarter of its wavelength.
    assert (np.abs(found.x - FIELDS[:, 0]) < 3).all() and (np.abs(found.y - FIELDS[:, 1]) < 3).all()
    assert (turn(found.direction - FIELDS[:, 2], np.pi) < 0.3).all()
    np.testing.assert_array_equal(found.wavelength[1:], [10, 7, 14])
    assert found.wavelength[0] in (7, 10)


def test_fields_are_looked_for_near_where_they_are_expected(rng):
    images = rng.normal(size=(300, *SIZE)).astype("float32")
    one, other = (np.tensordot(images, drawn(FIELDS[n])[0], ((1, 2), (0, 1))) for n in (0, 2))
    # The other place explains a little more.
    both = (one / one.std() + 1.05 * other / other.std())[:, None].astype("float32")
    assert abs(map_fields(images, both, (7, 8)).x[0] - FIELDS[2, 0]) < 3
    near = SmoothMap(FIELDS[:1, :2], 2.0)
    assert abs(map_fields(images, both, (7, 8), expected=near).x[0] - FIELDS[0, 0]) < 3
    # What is evident is believed wherever it is.
    alone = other[:, None].astype("float32")
    assert abs(map_fields(images, alone, (7, 8), expected=near).x[0] - FIELDS[2, 0]) < 3


def built(seed=1, **options):
    core, readout = ContrastCore(), ReceptiveFieldReadout(4, seed=seed, **options)
    core.build((None, *SIZE, 1))
    readout.build((None, *SIZE, 3))
    return core, readout


def correlations(drives, responses):
    return [np.corrcoef(*each)[0, 1] for each in zip(drives.T, responses.T, strict=True)]


def test_it_starts_as_a_predictor_of_responses_without_training(seen, to_numpy):
    images, responses = seen
    core, readout = built()
    means = np.array([0.1, -0.3, 0.2, 0.0], np.float32)
    readout.set_mean_drives(means)
    readout.set_receptive_fields(images[:500], responses[:500])
    drives = to_numpy(readout(core(images[:, :, :, None])))
    assert min(correlations(drives[500:], responses[500:])) > 0.6
    # The bias makes room for what the cells give; contrast takes a little of that.
    np.testing.assert_allclose(drives[:500].mean(axis=0), means, atol=0.3)
    untrained = to_numpy(built()[1](core(images[500:, :, :, None])))
    assert max(correlations(untrained, responses[500:])) < 0.4


def test_where_a_neuron_lies_in_cortex_tells_of_its_field(rng, to_numpy):
    coordinates = rng.uniform(-300, 300, (24, 3))
    x, y = 32 + coordinates[:, 0] / 20, 18 + coordinates[:, 1] / 40
    angles, ones = rng.uniform(0, np.pi, 24), np.ones(24)
    fields = GaborFields(*np.float32([x, y, angles, 0 * ones, 8 * ones, 3.4 * ones]))
    images = rng.normal(size=(300, *SIZE)).astype("float32")
    responses = np.maximum(to_numpy(fields.responses(images).first), 0)
    responses[:, 0] = rng.exponential(size=300)  # noise alone
    readout = ReceptiveFieldReadout(24, seed=1, wavelengths=[8])
    readout.build((None, *SIZE, 3))
    readout.set_coordinates(coordinates)
    readout.set_receptive_fields(images, responses)
    away = (to_numpy(readout.positions()) + 1) / 2 * [63, 35] - np.stack([x, y], axis=1)
    assert np.hypot(*away.T).max() < 3


def test_neurons_follow_the_eye(rng, to_numpy):
    images = rng.normal(size=(2, *SIZE, 1)).astype("float32")
    core, readout = built()
    readout.places.assign(rng.uniform(-3, 3, (4, 2)))
    readout.cells.assign(rng.uniform(0.5, 1, (4, 6)))
    # Two columns and a row are so far on the map.
    shift = np.array([[2 * 2 / 63, 2 / 35]] * 2, np.float32)
    moved = np.roll(images, (-1, -2), axis=(1, 2))
    expected = to_numpy(readout(core(moved)))
    np.testing.assert_allclose(to_numpy(readout(core(images), shift=shift)), expected, atol=0.05)
    still = to_numpy(readout(core(images)))
    np.testing.assert_allclose(
        to_numpy(readout(core(images), shift=np.zeros((2, 2), np.float32))), still, atol=1e-4
    )
    assert np.abs(still - expected).max() > 0.5


def test_cells_are_what_the_formula_says(rng, to_numpy):
    images = rng.normal(size=(3, *SIZE)).astype("float32")
    _, readout = built()
    height, width = SIZE
    places = FIELDS[:, :2] / [(width - 1) / 2, (height - 1) / 2] - 1
    readout.places.assign(places / 0.1)
    readout.directions.assign(FIELDS[:, 2])
    readout.phases.assign(FIELDS[:, 3])
    readout.log_wavelengths.assign(np.log(FIELDS[:, 4] / 10))
    readout.log_widths.assign(np.log(FIELDS[:, 5] / (0.43 * FIELDS[:, 4])))
    found = to_numpy(readout.cell_responses(images))
    for neuron, field in enumerate(FIELDS):
        right_angle = field + np.array([0, 0, np.pi / 2, 0, 0, 0])
        filters = [*drawn(field), *drawn(right_angle)[:2]]
        a, b, s, c, d = (np.tensordot(images, each, ((1, 2), (0, 1))) for each in filters)
        energy, across = np.hypot(a, b), np.hypot(c, d)
        expected = [a, -a, energy, np.sqrt(energy * across), s, -s]
        expected = np.maximum(np.stack(expected, axis=-1), 0)
        np.testing.assert_allclose(found[:, neuron], expected, atol=0.03)


def test_contrast_divides_and_other_channels_add(rng, to_numpy):
    features = rng.normal(size=(2, *SIZE, 4)).astype("float32")
    features[..., 2:] = np.array([[0.5, 1.0], [2.0, 4.0]])[:, None, None]
    readout = ReceptiveFieldReadout(4, seed=1)
    readout.build(features.shape)
    readout.division.assign(np.log([[1.0, 0.5]] * 4))
    alone = to_numpy(readout.cell_responses(features[..., 0])) @ np.full(6, 0.1)
    expected = alone / np.sqrt(1 + np.array([0.5 + 0.5, 2.0 + 2.0]))[:, None]
    np.testing.assert_allclose(to_numpy(readout(features)), expected, rtol=1e-4, atol=1e-5)
    readout.others.assign([[0.0, 1.0, 0.0]] * 4)
    np.testing.assert_allclose(
        to_numpy(readout(features)) - expected, np.sqrt([[0.5], [2.0]]) * np.ones(4), atol=1e-3
    )


def test_the_penalty_is_on_the_weights_of_cells_and_channels():
    _, readout = built(feature_penalty=0.5)
    readout.others.assign(-np.ones((4, 2)))
    assert float(readout.penalty()) == pytest.approx(0.5 * (4 * 6 * 0.1 + 4 * 2), rel=1e-5)


def test_training_reaches_all_weights(rng):
    import tensorflow as tf

    core, readout = built()
    images = rng.normal(size=(3, *SIZE, 1)).astype("float32")
    readout.others.assign(rng.normal(size=(4, 2)))
    shift = tf.constant(rng.normal(0, 0.1, (3, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(shift)
        total = tf.reduce_sum(firing_rate(readout(core(images), shift=shift)) ** 2)
    wanted = [*readout.trainable_variables, shift]
    for variable, slope in zip(wanted, tape.gradient(total, wanted), strict=True):
        assert np.abs(slope).max() > 0 and np.isfinite(slope).all(), variable.name


def test_a_model_takes_its_cores_contrasts_and_no_other_core():
    parts = {"readout": "receptive_field", "hidden_channels": None, "n_blocks": None}
    model = small_model({"a": np.zeros((4, 3))}, core="contrast(pools=[9])", **parts)
    assert model.readouts["a"].config.n_contrasts == 1
    check_model(model)
    with pytest.raises(SensoriumError, match="takes an image and 2 contrasts, but the map of"):
        small_model({"a": np.zeros((4, 3))}, core="residual(channels=4)", **parts)
    parts["readout"] = "receptive_field(n_contrasts=2)"
    with pytest.raises(SensoriumError, match="2 contrasts, but the map of ContrastCore has 1"):
        small_model({"a": np.zeros((4, 3))}, core="contrast(pools=[9])", **parts)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ContrastCore(pools=[]), r"pools \[\]: expected one of at least 1 pixels"),
        (lambda: ContrastCore(wavelengths=[1]), r"wavelengths \[1\]: expected one of at least 2"),
        (
            lambda: ContrastCore(wavelengths=[60]).build((None, 36, 64, 1)),
            r"wavelengths \[60\]: images of 36 x 64 pixels are smaller",
        ),
        (
            lambda: ReceptiveFieldReadout(4, wavelengths=[]),
            r"wavelengths \[\]: expected one of at least 2 pixels",
        ),
        (
            lambda: ReceptiveFieldReadout(4).build((None, 9, 9, 2)),
            "2 channels are not an image and 2 contrasts",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(SensoriumError, match=said):
        make()


def test_contrast_is_the_energy_around(to_numpy):
    columns = np.arange(64)
    images = np.stack([s * np.tile(np.cos(2 * np.pi * columns / 8), (36, 1)) for s in (1, 3)])
    images[:, :, :20] = 0
    features = to_numpy(ContrastCore(pools=[5, 25])(images[..., None].astype("float32")))
    np.testing.assert_array_equal(features[..., 0], images.astype("float32"))
    np.testing.assert_allclose(features[1, ..., 1:], 9 * features[0, ..., 1:], rtol=1e-3)
    near, far = features[0, 18, :, 1], features[0, 18, :, 2]
    # Where nothing is, there is contrast only in what is far around.
    assert near[5] < 0.01 * near[45] and far[14] > 0.1 * far[45]
    assert keras.ops.shape(features) == (2, 36, 64, 3)
