"""RT-DETR (Zhao et al., 2023) with ResNet-18 or -50 as its backbone, at 640x640: hybrid encoder, query selection, a decoder of
deformable attention, and the choice of 300 boxes, which second input `orig_target_sizes` scales to the picture."""
import numpy as np
from net import Net
from onnx import TensorProto

SIDE, WIDTH, HEADS, LEVELS, POINTS, QUERIES, CLASSES = 640, 256, 8, 3, 4, 300, 80
SIDES = [SIDE // s for s in (8, 16, 32)]
LENGTH = sum(s * s for s in SIDES)
EACH = WIDTH // HEADS


def shortcut(net, x, inside, outside, stride):
    if stride == 2:
        x = net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return net.conv(x, inside, outside, 1, gain=1.0)


def basic(net, x, inside, width, stride, first):
    y = net.conv(net.conv(x, inside, width, 3, stride, act="relu"), width, width, 3, gain=0.7)
    return net.op("Relu", net.add(y, shortcut(net, x, inside, width, stride) if first else x)), width


def bottleneck(net, x, inside, width, stride, first):
    y = net.conv(net.conv(x, inside, width, 1, act="relu"), width, width, 3, stride, act="relu")
    y = net.conv(y, width, 4 * width, 1, gain=0.7)
    return net.op("Relu", net.add(y, shortcut(net, x, inside, 4 * width, stride) if first else x)), 4 * width


def backbone(net, x, block, depths):
    for inside, outside, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
        x = net.conv(x, inside, outside, 3, stride, act="relu")
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inside, features = 64, []
    for stage, depth in enumerate(depths):
        for i in range(depth):
            x, inside = block(net, x, inside, 64 << stage, 2 if stage and i == 0 else 1, i == 0)
        features.append((x, inside))
    return features[1:]


def places(side):
    """Sines and cosines of the column and the row."""
    quarter = WIDTH // 4
    speed = 1 / 10000 ** (np.arange(quarter) / quarter)
    columns, rows = (g.reshape(-1, 1) * speed for g in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    return np.concatenate([np.sin(columns), np.cos(columns), np.sin(rows), np.cos(rows)], 1)[None]


def intra_scale(net, x):
    side = SIDES[2]
    rows = net.transpose(net.reshape(x, 1, WIDTH, side * side), 0, 2, 1)
    placed = net.add(rows, net.const(places(side), np.float32))
    rows = net.norm(net.add(rows, net.attention(placed, placed, rows, WIDTH, HEADS, [side * side] * 2)), WIDTH)
    wide = net.linear(net.linear(rows, WIDTH, 1024, "gelu"), 1024, WIDTH)
    rows = net.norm(net.add(rows, wide), WIDTH)
    return net.reshape(net.transpose(rows, 0, 2, 1), 1, WIDTH, side, side)


def fusion(net, x, expansion):
    hidden = int(WIDTH * expansion)
    y, other = (net.conv(x, 2 * WIDTH, hidden, 1, act="silu") for _ in range(2))
    for _ in range(3):
        y = net.conv(y, hidden, hidden, 3, act="silu")
    y = net.add(y, other)
    return y if hidden == WIDTH else net.conv(y, hidden, WIDTH, 1, act="silu")


def encoder(net, features, expansion):
    levels = [net.conv(x, inside, WIDTH, 1, gain=1.0) for x, inside in features]
    levels[2] = intra_scale(net, levels[2])
    top = [levels[2]]
    for i in (1, 0):
        top[0] = net.conv(top[0], WIDTH, WIDTH, 1, act="silu")
        larger = net.op("Resize", top[0], "", net.const([1, 1, 2, 2], np.float32), mode="nearest",
                        coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        top.insert(0, fusion(net, net.op("Concat", larger, levels[i], axis=1), expansion))
    out = [top[0]]
    for i in (1, 2):
        smaller = net.conv(out[-1], WIDTH, WIDTH, 3, 2, act="silu")
        out.append(fusion(net, net.op("Concat", smaller, top[i], axis=1), expansion))
    return out


def anchors():
    boxes = []
    for level, side in enumerate(SIDES):
        y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
        centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / side
        boxes.append(np.concatenate([centres, np.full_like(centres, 0.05 * 2 ** level)], 1))
    boxes = np.concatenate(boxes)[None]
    valid = ((boxes > 0.01) & (boxes < 0.99)).all(-1, keepdims=True)
    return np.where(valid, np.log(boxes / (1 - boxes)), np.finfo(np.float32).max), valid


def inverse_sigmoid(net, x):
    x = net.op("Clip", x, net.number(0), net.number(1))
    low = net.number(1e-5)
    rest = net.op("Clip", net.op("Sub", net.number(1), x), low)
    return net.op("Log", net.op("Div", net.op("Clip", x, low), rest))


def picked(net, x, index, width):
    """Rows of [1, n, width], as torch.gather is exported."""
    return net.op("GatherElements", x, net.op("Tile", net.op("Unsqueeze", index, net.ints(-1)), net.ints(1, 1, width)), axis=1)


def deformable(net, query, memory, reference):
    value = net.reshape(net.linear(memory, WIDTH, WIDTH), 1, LENGTH, HEADS, EACH)
    offsets = net.linear(query, WIDTH, HEADS * LEVELS * POINTS * 2)
    weights = net.op("Softmax", net.reshape(net.linear(query, WIDTH, HEADS * LEVELS * POINTS), 1, QUERIES, HEADS, LEVELS * POINTS), axis=-1)
    boxes = net.reshape(reference, 1, QUERIES, 1, 1, 1, 4)
    moved = net.op("Div", net.reshape(offsets, 1, QUERIES, HEADS, LEVELS, POINTS, 2), net.number(POINTS))
    moved = net.op("Mul", net.op("Mul", moved, net.slice(boxes, -1, 2, 4)), net.number(0.5))
    grids = net.op("Sub", net.op("Mul", net.add(net.slice(boxes, -1, 0, 2), moved), net.number(2)), net.number(1))
    parts = net.op("Split", value, net.ints(*[s * s for s in SIDES]), outputs=LEVELS, axis=1)
    sampled = []
    for level, side in enumerate(SIDES):
        image = net.transpose(net.reshape(parts[level], 1, side * side, WIDTH), 0, 2, 1)
        image = net.reshape(image, HEADS, EACH, side, side)
        grid = net.op("Gather", grids, net.const(level, np.int64), axis=3)
        grid = net.reshape(net.transpose(grid, 0, 2, 1, 3, 4), HEADS, QUERIES, POINTS, 2)
        sampled.append(net.op("GridSample", image, grid, mode="bilinear", padding_mode="zeros", align_corners=0))
    weights = net.reshape(net.transpose(weights, 0, 2, 1, 3), HEADS, 1, QUERIES, LEVELS * POINTS)
    stacked = [net.op("Unsqueeze", s, net.ints(-2)) for s in sampled]
    all_points = net.reshape(net.op("Concat", *stacked, axis=-2), HEADS, EACH, QUERIES, LEVELS * POINTS)
    summed = net.op("ReduceSum", net.op("Mul", all_points, weights), net.ints(-1), keepdims=0)
    return net.linear(net.transpose(net.reshape(summed, 1, WIDTH, QUERIES), 0, 2, 1), WIDTH, WIDTH)


def layer(net, target, place, memory, reference):
    placed = net.add(target, place)
    target = net.norm(net.add(target, net.attention(placed, placed, target, WIDTH, HEADS, [QUERIES] * 2)), WIDTH)
    target = net.norm(net.add(target, deformable(net, net.add(target, place), memory, reference)), WIDTH)
    return net.norm(net.add(target, net.linear(net.linear(target, WIDTH, 1024, "relu"), 1024, WIDTH)), WIDTH)


def decoder(net, levels, depth):
    rows = [net.transpose(net.reshape(net.conv(x, WIDTH, WIDTH, 1, gain=1.0), 1, WIDTH, side * side), 0, 2, 1)
            for x, side in zip(levels, SIDES)]
    memory = net.op("Concat", *rows, axis=1)
    boxes, valid = anchors()
    masked = net.op("Where", net.const(valid), memory, net.number(0))
    chosen_from = net.norm(net.linear(masked, WIDTH, WIDTH), WIDTH)
    scores = net.op("ReduceMax", net.linear(chosen_from, WIDTH, CLASSES), axes=[-1], keepdims=0)
    coordinates = net.add(net.mlp(chosen_from, (WIDTH, WIDTH, WIDTH, 4)), net.const(boxes, np.float32))
    _, index = net.op("TopK", scores, net.ints(QUERIES), outputs=2, axis=1)
    reference = net.op("Sigmoid", picked(net, coordinates, index, 4))
    target = picked(net, chosen_from, index, WIDTH)
    shared = net.random.integers(1 << 30)
    for i in range(depth):
        net.random, own = np.random.default_rng(shared), net.random  # one head of places for all layers
        place = net.mlp(reference, (4, 2 * WIDTH, WIDTH))
        net.random = own
        target = layer(net, target, place, memory, reference)
        reference = net.op("Sigmoid", net.add(net.mlp(target, (WIDTH, WIDTH, WIDTH, 4)), inverse_sigmoid(net, reference)))
    return net.linear(target, WIDTH, CLASSES), reference


def chosen(net, logits, boxes, sizes):
    centre, size = net.slice(boxes, -1, 0, 2), net.op("Mul", net.slice(boxes, -1, 2, 4), net.number(0.5))
    corners = net.op("Concat", net.op("Sub", centre, size), net.add(centre, size), axis=-1)
    scale = net.op("Cast", net.op("Tile", sizes, net.ints(1, 2)), to=TensorProto.FLOAT)
    corners = net.op("Mul", corners, net.op("Unsqueeze", scale, net.ints(1)))
    flat = net.reshape(net.op("Sigmoid", logits), 1, QUERIES * CLASSES)
    scores, index = net.op("TopK", flat, net.ints(QUERIES), outputs=2, axis=-1)
    classes = net.const(CLASSES, np.int64)
    net.output(net.op("Mod", index, classes), "labels", [1, QUERIES], TensorProto.INT64)
    net.output(picked(net, corners, net.op("Div", index, classes), 4), "boxes", [1, QUERIES, 4])
    net.output(scores, "scores", [1, QUERIES])


def build(path, size, seed=1):
    block, depths, expansion, layers = {18: (basic, (2, 2, 2, 2), 0.5, 3), 50: (bottleneck, (3, 4, 6, 3), 1.0, 6)}[size]
    net = Net(16, seed)
    image = net.input("images", [1, 3, SIDE, SIDE])
    sizes = net.input("orig_target_sizes", [1, 2], TensorProto.INT64)
    levels = encoder(net, backbone(net, image, block, depths), expansion)
    chosen(net, *decoder(net, levels, layers), sizes)
    net.save(path)
