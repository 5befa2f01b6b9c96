"""The two networks: a one-stage anchor detector and a pyramid-pooling segmenter."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Conv(nn.Module):
    """Convolution, batch norm, activation."""

    def __init__(self, cin, cout, k=1, s=1, act=nn.SiLU, p=None):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, k, s, k // 2 if p is None else p, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3, momentum=0.03)
        self.act = act(inplace=True) if act else nn.Identity()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, c, add, act):
        super().__init__()
        self.a, self.b, self.add = Conv(c, c, 1, act=act), Conv(c, c, 3, act=act), add

    def forward(self, x):
        y = self.b(self.a(x))
        return x + y if self.add else y


class Csp(nn.Module):
    """Two branches of half the width, one of them deep; concatenated and mixed."""

    def __init__(self, cin, cout, n=1, add=True, act=nn.SiLU):
        super().__init__()
        c = cout // 2
        self.deep, self.flat, self.mix = Conv(cin, c, act=act), Conv(cin, c, act=act), Conv(2 * c, cout, act=act)
        self.blocks = nn.Sequential(*[Residual(c, add, act) for _ in range(n)])

    def forward(self, x):
        return self.mix(torch.cat([self.blocks(self.deep(x)), self.flat(x)], 1))


class Sppf(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = Conv(c, c // 2), Conv(2 * c, c)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        y = [self.a(x)]
        for _ in range(3):
            y.append(self.pool(y[-1]))
        return self.b(torch.cat(y, 1))


STRIDES = (8, 16, 32)
ANCHORS = (((12., 12.), (18., 18.), (27., 27.)),
           ((34., 30.), (46., 46.), (60., 70.)),
           ((90., 80.), (125., 125.), (180., 180.)))


class Detector(nn.Module):
    """Strided CSP backbone, up-and-down pyramid neck, three heads; the output holds decoded boxes in input pixels."""

    widths = (16, 32, 64, 96, 128)

    def __init__(self, classes=10, n=(48, 64, 96)):
        super().__init__()
        c = self.widths
        self.no, self.decode, self.size = 5 + classes, False, 320
        self.stem = Conv(3, c[0], 6, 2, p=2)
        self.p2 = nn.Sequential(Conv(c[0], c[1], 3, 2), Csp(c[1], c[1], 1))
        self.p3 = nn.Sequential(Conv(c[1], c[2], 3, 2), Csp(c[2], c[2], 2))
        self.p4 = nn.Sequential(Conv(c[2], c[3], 3, 2), Csp(c[3], c[3], 2))
        self.p5 = nn.Sequential(Conv(c[3], c[4], 3, 2), Csp(c[4], c[4], 1), Sppf(c[4]))
        self.lat5, self.up4 = Conv(c[4], n[1]), Csp(n[1] + c[3], n[1], 1, False)
        self.lat4, self.up3 = Conv(n[1], n[0]), Csp(n[0] + c[2], n[0], 1, False)
        self.down3, self.out4 = Conv(n[0], n[0], 3, 2), Csp(2 * n[0], n[1], 1, False)
        self.down4, self.out5 = Conv(n[1], n[1], 3, 2), Csp(2 * n[1], n[2], 1, False)
        self.heads = nn.ModuleList(nn.Conv2d(k, 3 * self.no, 1) for k in n)
        for head, stride in zip(self.heads, STRIDES):  # start from rare objects, so that the first steps are calm
            b = head.bias.data.view(3, -1)
            b[:, 4] = torch.tensor(2.0 / (320 / stride) ** 2).log()
            b[:, 5:] = torch.tensor(0.6 / classes).log()

    def features(self, x):
        p3 = self.p3(self.p2(self.stem(x)))
        p4 = self.p4(p3)
        l5 = self.lat5(self.p5(p4))
        l4 = self.lat4(self.up4(torch.cat([F.interpolate(l5, scale_factor=2.0, mode="nearest"), p4], 1)))
        o3 = self.up3(torch.cat([F.interpolate(l4, scale_factor=2.0, mode="nearest"), p3], 1))
        o4 = self.out4(torch.cat([self.down3(o3), l4], 1))
        return o3, o4, self.out5(torch.cat([self.down4(o4), l5], 1))

    def forward(self, x):
        out = []
        for i, (head, f) in enumerate(zip(self.heads, self.features(x))):
            y = head(f)
            h, w = int(y.shape[2]), int(y.shape[3])
            y = y.view(int(y.shape[0]), 3, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
            out.append(self._decode(y, i, h, w) if self.decode else y)
        return torch.cat(out, 1) if self.decode else out

    def _decode(self, y, i, h, w):
        gy, gx = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack([gx, gy], -1).float().view(1, 1, h, w, 2).expand(1, 3, h, w, 2) - 0.5
        anchors = torch.tensor(ANCHORS[i]).view(1, 3, 1, 1, 2).expand(1, 3, h, w, 2)
        y = y.sigmoid()  # slices, because OpenCV 4.6 cannot read a split into unequal parts
        xy = (y[..., 0:2] * 2 + grid.contiguous()) * float(STRIDES[i])
        wh = (y[..., 2:4] * 2) ** 2 * anchors.contiguous()
        return torch.cat([xy, wh, y[..., 4:]], 4).view(int(y.shape[0]), 3 * h * w, self.no)


class PyramidPool(nn.Module):
    def __init__(self, cin, cout, bins=(1, 2, 4)):
        super().__init__()
        self.bins, self.mix = bins, Conv(cout, cout, 3, act=nn.ReLU)
        self.stages = nn.ModuleList(Conv(cin, cout, 1, act=nn.ReLU) for _ in bins)

    def forward(self, x):
        size, y = int(x.shape[2]), 0
        for b, stage in zip(self.bins, self.stages):
            k = max(1, size // b)
            part = stage(F.avg_pool2d(x, k, count_include_pad=False))  # with it the exporter adds a Pad of nothing
            y = F.interpolate(part, scale_factor=float(size / (size // k)), mode="bilinear", align_corners=False) + y
        return self.mix(y)


class Segmenter(nn.Module):
    """The detector's backbone, pyramid pooling, a ReLU decoder that joins four scales by bilinear upsampling."""

    def __init__(self, classes=11, n=(32, 48)):
        super().__init__()
        r, body, c = nn.ReLU, Detector(), Detector.widths
        for part in self.parts:
            setattr(self, part, getattr(body, part))
        self.context = PyramidPool(c[4], n[1])
        self.fuse16 = Conv(n[1] + c[3], n[1], 3, act=r)
        self.fuse8 = Conv(n[1] + c[2], n[1], 3, act=r)
        self.fuse4, self.lat4 = Conv(n[1], n[0], 1, act=r), Conv(c[1], n[0], 1, act=r)
        self.last = nn.Sequential(Conv(n[0], n[0], 3, act=r), nn.Conv2d(n[0], classes, 1))

    parts = ("stem", "p2", "p3", "p4", "p5")

    def load_backbone(self, state):
        """Weights of a trained detector; its input is 0..1, ours -1..1."""
        own = {k: v.clone() for k, v in state.items() if k.split(".")[0] in self.parts}
        own["stem.conv.weight"] /= 2
        self.load_state_dict(own, strict=False)

    def forward(self, x):
        def up(t, k=2.0):
            return F.interpolate(t, scale_factor=k, mode="bilinear", align_corners=False)

        f4 = self.p2(self.stem(x))
        f8 = self.p3(f4)
        f16 = self.p4(f8)
        y = self.context(self.p5(f16))
        y = self.fuse16(torch.cat([up(y), f16], 1))
        y = self.fuse8(torch.cat([up(y), f8], 1))
        y = F.relu(up(self.fuse4(y)) + self.lat4(f4))
        return up(self.last(y), 4.0)
