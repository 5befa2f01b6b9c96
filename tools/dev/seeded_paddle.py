"""Paddle programs that come without parameters: seeded values for them, of the kind that each op takes."""
import array
import math
import random
import struct

FLOAT, INT64, LOD_TENSOR = 5, 3, 7


def fields(data):
    """(number, value) of a protobuf message: integers, and bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 2: None, 5: 4}[kind]
        size = varint() if size is None else size
        yield key >> 3, data[at:at + size]
        at += size


def first(data, number, default=b""):
    return next((value for n, value in fields(data) if n == number), default)


def every(data, number):
    return [value for n, value in fields(data) if n == number]


def roles(block):
    """Parameter -> what the first op that reads it uses it for: the op's parameter name, or its type for a plain operand."""
    found = {}
    for op in every(block, 4):
        kind = first(op, 3).decode()
        for operand in every(op, 1):
            role = first(operand, 1).decode()
            for name in every(operand, 2):
                found.setdefault(name.decode(), role if kind == "batch_norm" or role != "Y" else kind)
    return found


def values_of(role, dims, source):
    count = math.prod(dims)
    low, high = -0.2, 0.2
    if role in ("Variance", "Scale"):
        low, high = 0.5, 1.5
    elif role in ("InScale", "elementwise_div"):
        low, high = 2.0, 4.0
    elif role == "Filter":
        high = math.sqrt(6 * dims[0] / count)
        low = -high
    if len(dims) == 2 and dims[0] > 1000:  # anchors of a detection head, and their strides
        low, high = (0.0, 20.0) if dims[1] == 2 else (8.0, 32.0)
    if dims in ([8], [1, 17, 1, 1]):  # what the bins of a distance stand for
        return array.array("f", range(count))
    return array.array("f", (low + (high - low) * source.random() for _ in range(count)))


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def record(data_type, dims, raw):
    """A tensor as Paddle's file of parameters holds it."""
    description = b"\x08" + varint(data_type) + b"".join(b"\x10" + varint(d) for d in dims)
    return struct.pack("<IQIi", 0, 0, 0, len(description)) + description + raw


def parameters(program):
    block = first(program, 1)
    role, source, records = roles(block), random.Random(5), {}
    for var in every(block, 3):
        kind = first(var, 2)
        if not first(var, 3, 0) or first(kind, 1, 0) != LOD_TENSOR:
            continue
        tensor = first(first(kind, 3), 1)
        data_type, name = first(tensor, 1, 0), first(var, 1).decode()
        dims = [d - (1 << 64) if d >> 63 else d for d in every(tensor, 2)]
        if data_type == FLOAT:
            raw = values_of(role.get(name, ""), dims, source).tobytes()
        else:
            raw = bytes((8 if data_type == INT64 else 4) * math.prod(dims))
        records[name] = record(data_type, dims, raw)
    return b"".join(records[name] for name in sorted(records))


def write_folder(path, folder):
    """The program at `path` and parameters for it, as a Paddle model's folder; its path."""
    if not (folder / "model.pdiparams").exists():
        folder.mkdir(parents=True, exist_ok=True)
        program = path.read_bytes()
        (folder / "model.pdmodel").write_bytes(program)
        (folder / "model.pdiparams").write_bytes(parameters(program))
    return folder
