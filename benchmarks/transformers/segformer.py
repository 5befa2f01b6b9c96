"""SegFormer-B0 (Xie et al., 2021) at 512x512 with 150 classes: a mixed transformer, and a decoder of linear layers."""
from net import Net

WIDTHS, HEADS, SHRINK, SIDE, CLASSES, DECODER = (32, 64, 160, 256), (1, 2, 5, 8), (8, 4, 2, 1), 512, 150, 256


def to_image(net, x, width, side):
    return net.reshape(net.transpose(x, 0, 2, 1), 1, width, side, side)


def to_rows(net, x, width, count):
    return net.transpose(net.reshape(x, 1, width, count), 0, 2, 1)


def block(net, x, stage, side):
    width, shrink = WIDTHS[stage], SHRINK[stage]
    inside = net.norm(x, width, 1e-6)
    rows, length = inside, side * side
    if shrink > 1:
        smaller = net.conv(to_image(net, inside, width, side), width, width, shrink, shrink, gain=1.0, pad=0)
        length = (side // shrink) ** 2
        rows = net.norm(to_rows(net, smaller, width, length), width)
    x = net.add(x, net.attention(inside, rows, rows, width, HEADS[stage], (side * side, length)))
    hidden = net.linear(net.norm(x, width, 1e-6), width, 4 * width)
    spread = net.conv(to_image(net, hidden, 4 * width, side), 4 * width, 4 * width, 3, groups=4 * width, gain=1.0)
    mixed = net.activated(to_rows(net, spread, 4 * width, side * side), "gelu")
    return net.add(x, net.linear(mixed, 4 * width, width))


def build(path, seed=1):
    net = Net(13, seed)
    x, inside, side, features = net.input("image", [1, 3, SIDE, SIDE]), 3, SIDE, []
    for stage, width in enumerate(WIDTHS):
        kernel, stride = (7, 4) if stage == 0 else (3, 2)
        side //= stride
        rows = to_rows(net, net.conv(x, inside, width, kernel, stride, gain=1.0), width, side * side)
        rows = net.norm(rows, width)
        for _ in range(2):
            rows = block(net, rows, stage, side)
        x, inside = to_image(net, net.norm(rows, width), width, side), width
        features.append((x, width, side))
    parts = []
    for x, width, side in reversed(features):
        part = to_image(net, net.linear(to_rows(net, x, width, side * side), width, DECODER), DECODER, side)
        if side != SIDE // 4:
            sizes = net.ints(1, DECODER, SIDE // 4, SIDE // 4)
            part = net.op("Resize", part, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
        parts.append(part)
    fused = net.conv(net.op("Concat", *parts, axis=1), 4 * DECODER, DECODER, 1, act="relu")
    net.output(net.conv(fused, DECODER, CLASSES, 1, gain=1.0), "logits", [1, CLASSES, SIDE // 4, SIDE // 4])
    net.save(path)
