"""The best recipe: the mean of several models made for noisy neurons, its networks pre-trained.

Source: ours. A network learns little of a neuron from some thousand noisy trials, so what is known
of visual cortex is built in: simple and complex cells and their division by contrast (core
`gabor`), weights that are shared among orientations, a readout that tells a neuron's orientation
apart from what it computes (`oriented`), and receptive fields that scatter around a smooth map of
the visual field (`positions=scattered`). Every third member is no network at all: each neuron has
a Gabor filter of its own, which starts from a map of its receptive field (`receptive_field`). What
so different members have in common is right more often than any of them; those stay with which
the mean predicts validation trials best, lest one that had too little time spoil it. Beside that
are what carried the winners of the competition (Willeke et al. 2023, PMLR 220:314-333,
"Retrospective on the Sensorium 2022 competition"): dropout, a term of the correlation in the loss,
one core for all mice that is then fine-tuned, and the mean of several models. The fast recipe's
average of the weights is longer here, for training trials that are few.

Command, with other mice and without:

    python launch/train.py --recipe=best --mice=mouse1 --pretrain_mice=mouse4,mouse5 --workdir=W
    python launch/train.py --recipe=best --mice=mouse1 --workdir=W

--track=sensorium_plus gives it behavior, which is a gain on each neuron's rate as well, and eye
position. --distil adds a student that takes the place of the ensemble: a single model with one
prediction for an image, Gabor filters that learn from the members' mean; where the members that
have these do not stay, it has the parts of the best one. The wavelengths of the filters are for
images of 36 x 64 pixels, as the baselines take them.

Expected time: what --budget_minutes says, for 60 of which it is made; without it three trainings of
22 epochs, and for the two networks as much again for each of --pretrain_mice.

Expected score: it depends on the recording; on two recordings where the published recipe has test
correlations of .259 and .280, the mean of three members without pre-training has .313 and .326, and
so have students; with behavior, where it has .302 and .324, members and students have .365 and .385
(docs/zoo.md: which of them were trained three times). This prints how it differs:

    python launch/evaluate.py --compare=runs/cnn,W
"""

from sensorium_tf.recipes import Recipe
from sensorium_tf.recipes.fast import FAST
from sensorium_tf.registry import RECIPES
from sensorium_tf.stages import OWN_PARTS

_ORIENTED = "oriented(positions=scattered, feature_penalty=0.03)"
_FIELDS = ("contrast", "receptive_field")
# Cores and readouts of the members.
_MEMBERS = (
    ("gabor(dropout=0.2)", _ORIENTED),
    _FIELDS,
    ("gabor(n_rotations=8, channels=8, n_blocks=1, dropout=0.2)", _ORIENTED),
)
_CORES, _READOUTS = zip(*_MEMBERS, strict=True)

BEST = RECIPES.register("best")(
    Recipe(
        doc="The mean of several networks with what is known of visual cortex built in.",
        schedule=FAST.schedule,
        values={
            **FAST.values,
            "core": _CORES[0],
            "readout": _READOUTS[0],
            "member_cores": "; ".join(_CORES),
            "member_readouts": "; ".join(_READOUTS),
            "nonlinearity": "softplus",
            "correlation_weight": 0.3,
            "ema_decay": 0.998,
            "members": 3,
            "prune": True,
            "distil": False,
            "student_core": _FIELDS[0],
            "student_readout": _FIELDS[1],
            "student_like_members": True,
        },
        # Movies have cores of their own.
        of_challenges={
            "sensorium2023": {
                **FAST.of_challenges["sensorium2023"],
                **dict.fromkeys(("core", "readout", *OWN_PARTS, "nonlinearity")),
                "correlation_weight": 0.0,
                "prune": False,
                "ema_decay": FAST.values["ema_decay"],
            }
        },
        of_tracks={"sensorium_plus": {"modulator": "gain"}},
        balance_batch_size=FAST.balance_batch_size,
    )
)
