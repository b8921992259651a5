"""A network with the names and formulas of the published starting kit, built of torch.nn alone."""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


class DepthSeparable(nn.Sequential):
    def __init__(self, channels, kernel, bias):
        super().__init__()
        self.in_depth_conv = nn.Conv2d(channels, channels, 1, bias=bias)
        self.spatial_conv = nn.Conv2d(
            channels, channels, kernel, padding=kernel // 2, groups=channels, bias=bias
        )
        self.out_depth_conv = nn.Conv2d(channels, channels, 1, bias=bias)


class Laplace(nn.Module):
    def __init__(self):
        super().__init__()
        self.laplace = nn.Module()
        kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
        self.laplace.register_buffer("filter", kernel[None, None])


class KitCore(nn.Module):
    def __init__(self, channels_in, channels, n_layers, linear, bias, kernel):
        super().__init__()
        self._input_weights_regularizer = Laplace()
        self.features = nn.Sequential()
        for number in range(n_layers):
            layer = OrderedDict()
            if number == 0:
                layer["conv"] = nn.Conv2d(channels_in, channels, 9, bias=False)
            else:
                layer["ds_conv"] = DepthSeparable(channels, kernel, bias)
            layer["norm"] = nn.BatchNorm2d(channels, momentum=0.9)
            if not linear:
                layer["nonlin"] = nn.ELU()
            self.features.add_module(f"layer{number}", nn.Sequential(layer))

    def forward(self, image):
        return self.features(image)


class KitReadout(nn.Module):
    def __init__(self, n_neurons, channels, covariance, predicted):
        super().__init__()
        width = {"full": (2, 2), "uncorrelated": (1, 2), "isotropic": (1, 1)}[covariance]
        self.sigma = nn.Parameter(torch.randn(1, n_neurons, *width) * 0.1)
        self._features = nn.Parameter(torch.randn(1, channels, 1, n_neurons))
        self.bias = nn.Parameter(torch.randn(n_neurons))
        if predicted:
            places = torch.randn(n_neurons, 2)
            places -= places.mean(0)
            self.register_buffer("source_grid", places / places.abs().max())
            self.mu_transform = nn.Sequential(nn.Linear(2, 6), nn.ELU(), nn.Linear(6, 2), nn.Tanh())
        else:
            self._mu = nn.Parameter(torch.rand(1, n_neurons, 1, 2) * 2 - 1)

    def positions(self):
        if hasattr(self, "_mu"):
            return self._mu[0, :, 0]
        return self.mu_transform(self.source_grid)

    def forward(self, features, shift):
        grid = self.positions()[None, :, None].expand(len(features), -1, -1, -1)
        if shift is not None:
            grid = grid + shift[:, None, None]
        samples = functional.grid_sample(features, grid, align_corners=True)
        return (samples[..., 0] * self._features[:, :, 0]).sum(1) + self.bias


class KitShifter(nn.Module):
    def __init__(self, n_layers):
        super().__init__()
        widths = [2] + [5] * (n_layers - 1) + [2]
        layers = []
        for units_in, units_out in pairwise(widths):
            layers += [nn.Linear(units_in, units_out), nn.Tanh()]
        self.mlp = nn.Sequential(*layers)


class Kit(nn.Module):
    """Every weight and running statistic is random, so that none can be taken for another."""

    def __init__(
        self,
        neurons,
        *,
        channels_in=1,
        n_layers=4,
        linear=False,
        shifter=False,
        covariance="full",
        predicted=True,
        shifter_layers=3,
        bias=False,
        channels=4,
        kernel=5,
        seed=0,
    ):
        super().__init__()
        torch.manual_seed(seed)
        self.core = KitCore(channels_in, channels, n_layers, linear, bias, kernel)
        self.readout = nn.ModuleDict(
            {key: KitReadout(n, channels, covariance, predicted) for key, n in neurons.items()}
        )
        if shifter:
            self.shifter = nn.ModuleDict({key: KitShifter(shifter_layers) for key in neurons})
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight.data, module.running_var):
                    tensor.uniform_(0.5, 2)
                module.bias.data.normal_()
                module.running_mean.normal_()
                module.num_batches_tracked.fill_(12)
        self.eval()

    @torch.no_grad()
    def rates(self, key, image, pupil_center=None):
        """Rates of NumPy inputs, channels last, as NumPy."""
        features = self.core(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
        shift = None
        if hasattr(self, "shifter"):
            shift = self.shifter[key].mlp(torch.from_numpy(pupil_center))
        return (functional.elu(self.readout[key](features, shift)) + 1).numpy()
