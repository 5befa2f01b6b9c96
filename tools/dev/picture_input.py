"""Inputs of a model as .npy files: a picture where it takes one, the picture's sizes, or seeded noise."""
import array
import random
import struct
import zlib

TYPES = {"f32": ("<f4", "f"), "u8": ("|u1", "B"), "s8": ("|i1", "b"), "s32": ("<i4", "i"), "s64": ("<i8", "q"),
         "bool": ("|b1", "B")}
PIXELS = {"raw": (1.0, 0.0), "unit": (1 / 255, 0.0), "signed": (1 / 127.5, -1.0), "normal": (1 / 57.0, -2.1)}


def unfilter(kind, line, above, step):
    """A row of a PNG in place: each byte was stored as its difference from a guess."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up, corner = above[i], above[i - step] if i >= step else 0
        guess = 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            ways = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            guess = (left, up, corner)[ways.index(min(ways))]
        line[i] = (line[i] + guess) & 255


def read_png(path):
    """Height, width and rows of RGB bytes of a PNG of 8-bit colours."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", data[at + 8:at + 18])
            if (depth, colours) != (8, 2):
                raise ValueError("%s: no picture of 8-bit RGB" % path)
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    raw, rows, above = zlib.decompress(packed), [], bytearray(3 * width)
    for y in range(height):
        start = y * (3 * width + 1)
        line = bytearray(raw[start + 1:start + 1 + 3 * width])
        unfilter(raw[start], line, above, 3)
        rows.append(line)
        above = line
    return height, width, rows


PICTURES = {}


def picture_in(folder):
    """The first picture of a folder, or noise where there is none: the tests' data may be missing."""
    if folder not in PICTURES:
        paths = sorted(folder.glob("*.png"))
        source = random.Random(7)
        noise = 64, 64, [bytearray(source.randrange(256) for _ in range(3 * 64)) for _ in range(64)]
        PICTURES[folder] = read_png(paths[0]) if paths else noise
    return PICTURES[folder]


def pixels(dims, first, model, folder):
    """The picture in the sizes of `dims`, the nearest pixel for each; channels first or last."""
    height, width, rows = picture_in(folder)
    h, w = (dims[2], dims[3]) if first else (dims[1], dims[2])
    scale, shift = PIXELS[model.pixels]
    colour = [v * scale + shift for v in range(256)] if model.pixels != "raw" else list(range(256))
    at = [3 * (x * width // w) for x in range(w)]
    lines = [rows[y * height // h] for y in range(h)]
    if first:
        return [colour[line[i + c]] for c in range(3) for line in lines for i in at] * dims[0]
    return [colour[line[i + c]] for line in lines for i in at for c in range(3)] * dims[0]


def values_of(tensor, dims, model, folder):
    size = list(model.size) or [dims[2], dims[3]] if len(dims) == 4 else list(model.size) or [320, 320]
    name = tensor["name"]
    if len(dims) == 4 and 3 in (dims[1], dims[3]):
        return pixels(dims, dims[1] == 3, model, folder)
    if name == "orig_target_sizes":
        return [size[1], size[0]]
    if name == "im_shape":
        return size
    if name == "scale_factor":
        return [1, 1]
    count = 1
    for d in dims:
        count *= d
    source = random.Random(11)
    return [source.randrange(-1000, 1001) / 250 if tensor["dtype"] == "f32" else source.randrange(2) for _ in range(count)]


def dims_of(tensor, model):
    """The input's shape; what the model leaves open is one picture of the row's size."""
    dims = list(tensor["shape"])
    if len(dims) == 4:
        last = dims[3] == 3
        size = model.size or (dims[1:3] if last else dims[2:4])
        open_sizes = [1, *size, 3] if last else [1, 3, *size]
        dims = [o if d < 0 else d for d, o in zip(dims, open_sizes)]
    return [1 if d < 0 else d for d in dims]


def write_input(path, tensor, model, folder):
    dims = dims_of(tensor, model)
    descr, code = TYPES[tensor["dtype"]]
    values = values_of(tensor, dims, model, folder)
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (descr, "".join("%d, " % d for d in dims))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    part = path.with_suffix(".part")
    part.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                     + array.array(code, values).tobytes())
    part.rename(path)
