"""The baseline of movies in PyTorch: a training step and prediction, on random data.

The arithmetic of core `factorised_3d`, the full Gaussian readout, the shifter and the Poisson loss
of each frame, as sensorium_tf has them for track main of sensorium2023, written from their
formulas. Needs torch; prints a line of JSON.

    python benchmarks/run.py --output=FILE.json --only=movies --neurons=2000 \
        --compare="benchmarks/pytorch_movies.py --neurons=2000"
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional

# Video and two behaviors; trials of a step, frames of a window and of a whole trial.
CHANNELS, TRIALS, WINDOW, FRAMES = 3, 8, 80, 300
LAYERS = ((32, 11, 11), (64, 5, 5), (128, 5, 5))
LEARNING_RATE, WEIGHT_DECAY = 0.001, 0.01


class Baseline(nn.Module):
    """Convolutions in space, then in time; a place of each neuron; a shift of each frame."""

    def __init__(self, n_neurons: int):
        super().__init__()
        layers, before = [], CHANNELS
        for channels, spatial, temporal in LAYERS:
            layers += [
                nn.Conv3d(before, channels, (1, spatial, spatial)),
                nn.Conv3d(channels, channels, (temporal, 1, 1)),
                nn.BatchNorm3d(channels),
                nn.ELU(),
            ]
            before = channels
        self.core = nn.Sequential(*layers)
        self.places = nn.Sequential(nn.Linear(2, 30), nn.ELU(), nn.Linear(30, 2), nn.Tanh())
        self.register_buffer("cortex", torch.rand(n_neurons, 2) * 2 - 1)
        self.sigma = nn.Parameter(torch.rand(n_neurons, 2, 2) * 0.2 - 0.1)
        self.features = nn.Parameter(torch.full((before, n_neurons), 1 / before))
        self.bias = nn.Parameter(torch.zeros(n_neurons))
        self.shifter = nn.Sequential(
            nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2), nn.Tanh()
        )

    def forward(self, video, pupil):
        """Rates `(trials * frames, neurons)` of the frames that get features."""
        maps = self.core(video).transpose(1, 2)
        maps = maps.reshape(-1, *maps.shape[2:])
        pupil = pupil[:, -(len(maps) // len(pupil)) :].reshape(-1, 2)
        places = self.places(self.cortex).expand(len(maps), -1, -1)
        if self.training:
            noise = torch.randn(len(maps), len(self.bias), 2)
            places = places + torch.einsum("ncd,bnd->bnc", self.sigma, noise)
        grid = places.clamp(-1, 1) + self.shifter(pupil)[:, None]
        read = functional.grid_sample(maps, grid[:, :, None], align_corners=True).squeeze(-1)
        return functional.elu((read * self.features).sum(1) + self.bias) + 1

    def penalty(self):
        """Roughness of the first kernels in space and in time, and the size of the features."""
        space = self.core[0].weight.reshape(-1, 1, LAYERS[0][1], LAYERS[0][1])
        laplace = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])[None, None]
        rough = functional.conv2d(space, laplace, padding=1).square().sum()
        trace = self.core[1].weight.reshape(-1, 1, LAYERS[0][2])
        second = functional.conv1d(trace, torch.tensor([[[-1.0, 2, -1]]]), padding=1)
        in_time = second.square().sum() / trace.square().sum()
        in_space = rough / space.square().sum()
        return 10 * in_space + 0.01 * in_time + 0.0076 * self.features.abs().sum()


def timed(work, repeats: int) -> float:
    """Returns the seconds of some work, after it was done twice."""
    work()
    work()
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - begun) / repeats


def main() -> None:
    """Prints the frames a second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=7538)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    model = Baseline(settings.neurons)
    options = {"lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY}
    optimizer = torch.optim.AdamW(model.parameters(), **options)
    video = torch.randn(TRIALS, CHANNELS, WINDOW, 36, 64)
    pupil = torch.randn(TRIALS, WINDOW, 2)
    n_counted = WINDOW - sum(temporal - 1 for *_, temporal in LAYERS)
    responses = torch.rand(TRIALS * n_counted, settings.neurons) * 2
    whole, gaze = torch.randn(1, CHANNELS, FRAMES, 36, 64), torch.randn(1, FRAMES, 2)

    def train():
        model.train()
        optimizer.zero_grad()
        rates = model(video, pupil)
        loss = (rates - responses * torch.log(rates + 1e-8)).sum() + model.penalty()
        loss.backward()
        optimizer.step()

    def predict():
        model.eval()
        with torch.no_grad():
            model(whole, gaze)

    found = {
        "movies_train_frames_per_s": TRIALS * WINDOW / timed(train, settings.steps),
        "movies_predict_frames_per_s": FRAMES / timed(predict, settings.steps),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
