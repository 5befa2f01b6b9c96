"""Seeded generator of synthetic scenes: drawn objects on cluttered backgrounds, with exact boxes and label maps."""
import math

import cv2
import numpy as np

cv2.setNumThreads(1)  # the callers run one process per core

CLASSES = ["disc", "ring", "square", "triangle", "star", "cross", "crescent", "arrow", "pill", "gear"]
VOID = 255
SHIFT = 4  # sub-pixel bits for the polygon filler


# ---- outlines, in a unit circle; a list of contours, filled even-odd -------------------------------------------------

def _circle(n, r=1.0, cx=0.0, cy=0.0, a0=0.0, a1=2 * math.pi):
    t = np.linspace(a0, a1, n, endpoint=a1 - a0 < 2 * math.pi - 1e-6)
    return np.stack([cx + r * np.cos(t), cy + r * np.sin(t)], 1)


def _zigzag(n, inner, outer=1.0):
    t = np.arange(2 * n) * math.pi / n
    r = np.where(np.arange(2 * n) % 2 == 0, outer, inner)
    return np.stack([r * np.cos(t), r * np.sin(t)], 1)


def _gear(rng):
    n, root = int(rng.integers(7, 12)), rng.uniform(0.70, 0.80)
    pts = []
    for i in range(n):
        a = 2 * math.pi * i / n
        w = math.pi / n
        for da, r in ((-0.62, root), (-0.40, 1.0), (0.40, 1.0), (0.62, root)):
            pts.append((r * math.cos(a + da * w), r * math.sin(a + da * w)))
    return [np.array(pts), _circle(24, rng.uniform(0.2, 0.4))]


def _cross(rng):
    a = rng.uniform(0.22, 0.38)
    return [np.array([(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a),
                      (-a, -a)])]


def _crescent(rng):
    d, r = rng.uniform(0.4, 0.6), rng.uniform(0.75, 0.95)
    x = (d * d + 1 - r * r) / (2 * d)
    out = math.acos(np.clip(x, -1, 1))
    y = math.sin(out)
    inn = math.atan2(y, x - d)
    outer = _circle(32, 1.0, a0=out, a1=2 * math.pi - out)
    inner = _circle(32, r, cx=d, a0=2 * math.pi - inn, a1=inn)
    return [np.concatenate([outer, inner])]


def _arrow(rng):
    s, h = rng.uniform(0.16, 0.30), rng.uniform(0.0, 0.3)
    w = rng.uniform(0.55, 0.8)
    return [np.array([(1, 0), (h, w), (h, s), (-1, s), (-1, -s), (h, -s), (h, -w)])]


def _pill(rng):
    k = rng.uniform(0.45, 0.65)
    return [np.concatenate([_circle(16, k, 1 - k, 0, -math.pi / 2, math.pi / 2),
                            _circle(16, k, k - 1, 0, math.pi / 2, 3 * math.pi / 2)]) * [1, 0.9]]


def outline(name, rng):
    if name == "disc":
        return [_circle(40)]
    if name == "ring":
        return [_circle(40), _circle(40, rng.uniform(0.45, 0.72))]
    if name == "square":
        return [np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.85]
    if name == "triangle":
        return [_circle(3)]
    if name == "star":
        return [_zigzag(int(rng.integers(5, 7)), rng.uniform(0.38, 0.52))]
    return {"cross": _cross, "crescent": _crescent, "arrow": _arrow, "pill": _pill, "gear": _gear}[name](rng)


def distractor_outline(rng):
    """Shapes of no class: some are near relatives of the classes."""
    k = int(rng.integers(6))
    if k == 0:  # half disc
        return [_circle(24, a0=0, a1=math.pi)]
    if k == 1:  # thin bar
        return [np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * [1, rng.uniform(0.06, 0.2)]]
    if k == 2:  # L-shape
        a = rng.uniform(-0.6, 0.0)
        return [np.array([(-1, -1), (a, -1), (a, -a), (1, -a), (1, 1), (-1, 1)])]
    if k == 3:  # irregular blob
        n = int(rng.integers(7, 14))
        t = np.arange(n) * 2 * math.pi / n
        r = rng.uniform(0.35, 1, n)
        return [np.stack([r * np.cos(t), r * np.sin(t)], 1)]
    if k == 4:  # open arc
        e = rng.uniform(1.5, 4.5)
        return [np.concatenate([_circle(24, 1.0, a0=0, a1=e), _circle(24, rng.uniform(0.7, 0.88), a0=e, a1=0)])]
    return [np.array([(1, 0), (0.2, 0.35), (-1, 0), (0.2, -0.35)])]  # kite


# ---- colour ----------------------------------------------------------------------------------------------------------

def _noise(rng, h, w, cells, ch=3):
    """Smooth noise in 0..1: a coarse random grid, enlarged."""
    gh, gw = max(2, int(h / cells) + 1), max(2, int(w / cells) + 1)
    g = rng.random((gh, gw, ch), dtype=np.float32)
    g = cv2.resize(g, (w, h), interpolation=cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST)
    return g if ch > 1 else g.reshape(h, w, 1)


def _grid(h, w, angle, period, phase):
    y, x = np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None]
    c, s = math.cos(angle), math.sin(angle)
    return (x * c + y * s) * (2 * math.pi / period) + phase, (y * c - x * s) * (2 * math.pi / period) + phase


def texture(rng, h, w, c0, c1, kind, size):
    """An h x w x 3 float patch that mixes the colours c0 and c1."""
    c0, c1 = np.asarray(c0, np.float32), np.asarray(c1, np.float32)
    if kind == "plain":
        m = np.zeros((h, w, 1), np.float32)
    elif kind == "noise":
        m = np.clip(_noise(rng, h, w, max(2.0, size * rng.uniform(0.05, 0.3)), 1), 0, 1)
    else:
        u, v = _grid(h, w, rng.uniform(0, math.pi), max(4.0, size * rng.uniform(0.15, 0.5)), rng.uniform(0, 6))
        if kind == "gradient":
            m = 0.5 + 0.5 * np.sin(u * 0.15)
        elif kind == "stripes":
            m = np.clip(np.sin(u) * 3 + 0.5, 0, 1)
        elif kind == "checker":
            m = np.clip(np.sin(u) * np.sin(v) * 6 + 0.5, 0, 1)
        else:  # spots
            m = np.clip((np.cos(u) + np.cos(v) - 0.7) * 3, 0, 1)
        m = m[..., None]
    return c0 + (c1 - c0) * m


KINDS = ["plain", "gradient", "noise", "stripes", "checker", "spots"]


def background(rng, h, w):
    kind = int(rng.integers(5))
    c0, c1 = rng.uniform(15, 240, (2, 3)).astype(np.float32)
    c1 = c0 + (c1 - c0) * np.float32(rng.uniform(0.1, 0.5))
    if kind == 0:
        img = texture(rng, h, w, c0, c1, "gradient", max(h, w))
    elif kind == 1:
        img = texture(rng, h, w, c0, c1, KINDS[int(rng.integers(3, 6))], rng.uniform(40, 300))
    elif kind == 2:
        img = c0 + (_noise(rng, h, w, rng.uniform(30, 120)) - 0.5) * float(rng.uniform(40, 130))
    elif kind == 3:  # patchwork
        n = rng.uniform(25, 120)
        img = c0 + (c1 - c0) * _noise(rng, h, w, n, 1) + (_noise(rng, h, w, n / 3) - 0.5) * 40
    else:
        img = texture(rng, h, w, c0, c1, "noise", max(h, w))
    for cells in (rng.uniform(2, 5), rng.uniform(6, 20)):
        if rng.random() < 0.7:
            img = img + (_noise(rng, h, w, cells, 1) - 0.5) * float(rng.uniform(5, 45))
    return np.ascontiguousarray(np.clip(img, 0, 255), np.float32)


# ---- drawing ---------------------------------------------------------------------------------------------------------

def place(contours, cx, cy, radius, rng, stretch=0.25):
    """Rotate, stretch, shear and move unit contours into the image."""
    a = rng.uniform(0, 2 * math.pi)
    rot = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    b = rng.uniform(0, math.pi)
    tilt = np.array([[math.cos(b), -math.sin(b)], [math.sin(b), math.cos(b)]])
    squash = tilt @ np.diag([1.0, 1 - rng.uniform(0, stretch)]) @ tilt.T
    return [c @ (squash @ rot).T * radius + [cx, cy] for c in contours]


def paint(img, ids, contours, fill, rng, ident, shadow=False, opacity=1.0):
    """Draw one filled outline; returns its whole area in pixels, the part outside of the image included."""
    h, w = img.shape[:2]
    lo = np.floor(np.min([c.min(0) for c in contours], 0)).astype(int) - 2
    hi = np.ceil(np.max([c.max(0) for c in contours], 0)).astype(int) + 3
    ph, pw = hi[1] - lo[1], hi[0] - lo[0]
    mask = np.zeros((ph, pw), np.uint8)
    pts = [np.round((c - lo) * (1 << SHIFT)).astype(np.int32) for c in contours]
    cv2.fillPoly(mask, pts, 255, cv2.LINE_AA, SHIFT)
    area = int(np.count_nonzero(mask > 127))
    if shadow:
        d = np.round(rng.uniform(-0.12, 0.12, 2) * max(ph, pw)).astype(int)
        s = cv2.blur(mask, (max(3, pw // 12) | 1,) * 2)
        _blend(img, s, lo + d, 0.0, float(rng.uniform(0.2, 0.6)))
    patch = texture(rng, ph, pw, *fill)
    r = rng.random()
    if r < 0.35:  # rim
        rim = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.asarray(fill[0]) * 0.4
        patch = np.ascontiguousarray(patch, np.float32)
        cv2.polylines(patch, pts, True, [float(v) for v in rim], max(1, int(pw * rng.uniform(0.02, 0.06))), cv2.LINE_AA,
                      SHIFT)
    elif r < 0.65:  # shading
        u, _ = _grid(ph, pw, rng.uniform(0, 2 * math.pi), pw * 2.5, rng.uniform(0, 6))
        patch = patch * (1 + float(rng.uniform(0.1, 0.45)) * np.sin(u))[..., None]
    x0, y0, x1, y1 = _blend(img, mask, lo, patch, opacity)
    if x1 > x0 and y1 > y0 and ids is not None:
        ids[y0:y1, x0:x1][mask[y0 - lo[1]:y1 - lo[1], x0 - lo[0]:x1 - lo[0]] > 127] = ident
    return area


def _blend(img, mask, lo, colour, opacity):
    h, w = img.shape[:2]
    x0, y0 = max(0, lo[0]), max(0, lo[1])
    x1, y1 = min(w, lo[0] + mask.shape[1]), min(h, lo[1] + mask.shape[0])
    if x1 > x0 and y1 > y0:
        sl = (slice(y0 - lo[1], y1 - lo[1]), slice(x0 - lo[0], x1 - lo[0]))
        a = mask[sl].astype(np.float32)[..., None] * (opacity / 255.0)
        src = colour[sl] if isinstance(colour, np.ndarray) else colour
        roi = img[y0:y1, x0:x1]
        roi += (src - roi) * a
    return x0, y0, x1, y1


def clutter(img, ids, rng, count, on_top):
    h, w = img.shape[:2]
    for _ in range(count):
        k, col = rng.random(), [float(v) for v in rng.uniform(0, 255, 3)]
        p = rng.uniform(-0.1, 1.1, (4, 2)) * [w, h]
        if k < 0.3:
            t = int(rng.integers(1, 5 if on_top else 8))
            q = np.round(p[:2] * 16).astype(np.int32)
            cv2.line(img, tuple(map(int, q[0])), tuple(map(int, q[1])), col, t, cv2.LINE_AA, 4)
            if ids is not None and t > 1:
                cv2.line(ids, tuple(map(int, q[0])), tuple(map(int, q[1])), 0, t, cv2.LINE_8, 4)
        elif k < 0.45 and not on_top:
            t = np.linspace(0, 1, 16)[:, None]
            c = (1 - t) ** 3 * p[0] + 3 * t * (1 - t) ** 2 * p[1] + 3 * t * t * (1 - t) * p[2] + t ** 3 * p[3]
            cv2.polylines(img, [np.round(c * 16).astype(np.int32)], False, col, int(rng.integers(1, 5)), cv2.LINE_AA, 4)
        elif k < 0.6 and not on_top:
            s = "".join(chr(int(c)) for c in rng.integers(48, 122, int(rng.integers(2, 7))))
            cv2.putText(img, s, (int(p[0, 0]), int(p[0, 1])), int(rng.integers(0, 8)), float(rng.uniform(0.3, 1.4)), col,
                        int(rng.integers(1, 3)), cv2.LINE_AA)
        else:
            r = math.exp(rng.uniform(math.log(5), math.log(30 if on_top else 70)))
            c1 = rng.uniform(0, 255, 3)
            fill = (col, c1, KINDS[int(rng.integers(6))], 2 * r)
            paint(img, ids, place(distractor_outline(rng), p[0, 0], p[0, 1], r, rng), fill, rng, 0,
                  opacity=1.0 if on_top else float(rng.uniform(0.5, 1)))


def camera(img, rng):
    """Lighting, blur, sensor noise and compression."""
    h, w = img.shape[:2]
    if rng.random() < 0.6:
        u, _ = _grid(h, w, rng.uniform(0, 2 * math.pi), max(h, w) * rng.uniform(1.2, 3), rng.uniform(0, 6))
        img = img * (1 + float(rng.uniform(0.1, 0.4)) * np.sin(u))[..., None]
    mean = float(rng.uniform(90, 150))
    img = (img - mean) * float(rng.uniform(0.65, 1.15)) + mean * float(rng.uniform(0.6, 1.25))
    k = rng.random()
    if k < 0.35:
        img = cv2.GaussianBlur(img, (0, 0), float(rng.uniform(0.5, 1.4)))
    elif k < 0.5:
        n = int(rng.integers(3, 7))
        kernel = np.zeros((n, n), np.float32)
        a, m = rng.uniform(0, math.pi), (n - 1) / 2
        d = np.array([math.cos(a), math.sin(a)]) * m
        cv2.line(kernel, (round(m - d[0]), round(m - d[1])), (round(m + d[0]), round(m + d[1])), 1.0)
        img = cv2.filter2D(img, -1, kernel / kernel.sum())
    if rng.random() < 0.6:
        img = img + rng.standard_normal(img.shape, np.float32) * float(rng.uniform(2, 12))
    img = np.clip(img, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        img = cv2.imdecode(cv2.imencode(".jpg", img, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))])[1], 1)
    return img


def scene(seed, size=None):
    """(BGR image, label map, list of (class 1.., x, y, w, h, visible area)) of the seed; size is (h, w)."""
    rng = np.random.default_rng(seed)
    h, w = size or (int(rng.integers(256, 421)), int(rng.integers(256, 421)))
    img = background(rng, h, w)
    ids = np.zeros((h, w), np.uint8)
    clutter(img, None, rng, int(rng.integers(3, 16)), False)
    base = img[::16, ::16].reshape(-1, 3)
    count, drawn = 1 + min(int(rng.exponential(7.0)), 17), []
    largest = 0.36 * min(h, w) if count < 5 else 0.24 * min(h, w)
    for ident in range(1, count + 1):
        r = math.exp(math.log(5.5) + rng.random() ** 0.8 * math.log(largest / 5.5))
        for _ in range(6):
            cx, cy = rng.uniform(0, w), rng.uniform(0, h)
            y0, x0 = max(0, int(cy - r)), max(0, int(cx - r))
            if np.mean(ids[y0:int(cy + r) + 1, x0:int(cx + r) + 1] > 0) < 0.15:
                break
        cls = int(rng.integers(len(CLASSES)))
        c0 = rng.uniform(0, 255, 3)
        if rng.random() < 0.08:  # close to a colour of the background
            c0 = np.clip(base[int(rng.integers(len(base)))] + rng.uniform(-45, 45, 3), 0, 255)
        elif np.abs(c0 - base.mean(0)).max() < 90:
            c0 = (base.mean(0) + 128 + rng.uniform(-40, 40, 3)) % 256
        c1 = c0 + (rng.uniform(0, 255, 3) - c0) * rng.uniform(0.1, 0.5)
        kind = "stripes" if CLASSES[cls] == "pill" else "plain" if rng.random() < 0.35 else KINDS[int(rng.integers(6))]
        area = paint(img, ids, place(outline(CLASSES[cls], rng), cx, cy, r, rng), (c0, c1, kind, 2 * r), rng, ident,
                     shadow=rng.random() < 0.35)
        drawn.append((ident, cls + 1, area))
    if rng.random() < 0.6:
        clutter(img, ids, rng, int(rng.integers(1, 5)), True)
    lut, objects = np.zeros(256, np.uint8), []
    counts = np.bincount(ids.ravel(), minlength=count + 1)
    for ident, cls, area in drawn:
        n = int(counts[ident])
        lut[ident] = VOID  # too little is left to be told
        if n < 20 or n < 0.3 * area:
            continue
        x, y, bw, bh = cv2.boundingRect((ids == ident).view(np.uint8))
        if min(bw, bh) >= 5:
            lut[ident] = cls
            objects.append((cls, x, y, bw, bh, n))
    return camera(img, rng), cv2.LUT(ids, lut), objects
