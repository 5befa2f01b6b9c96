"""Runs the engines in turns, round after round, and prints medians and ratios; benchmarks/compare starts it."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

BASE = "ORT int8"  # the fastest of its forms
# What oneDNN calls our instruction sets; others are bounded by nothing.
ONEDNN_LEVELS = {"avx2": "AVX2", "avxvnni": "AVX2_VNNI", "avx512vnni": "AVX512_CORE_VNNI", "amx": "AVX512_CORE_AMX"}


class Failed(Exception):
    pass


def run(command, env=None):
    """What the command prints, and the most memory it held in kB."""
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    out, err = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        lines = (err or out).strip().splitlines() or [f"exit code {child.returncode}"]
        raise Failed(next((line for line in lines if "rror: " in line), lines[-1]))
    return out, usage.ru_maxrss


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:50}\r", end="", file=sys.stderr, flush=True)


def newer(made, *sources):
    return made.exists() and all(made.stat().st_mtime > s.stat().st_mtime for s in sources)


class Engine:
    """One runtime on one model: a command whose last line is JSON with times_ms."""

    def __init__(self, name, command, env=None, error=None):
        self.name, self.command, self.error = name, command, error
        self.env = {**os.environ, **(env or {})}
        self.rounds, self.rss = [], 0

    def turn(self):
        if self.error:
            return
        try:
            out, rss = run(self.command, self.env)
            self.rounds.append(json.loads(out[out.index("{"):])["times_ms"])
            self.rss = max(self.rss, rss)
        except (Failed, ValueError) as e:
            self.error = str(e)


def make(path, command, *sources):
    """`path`, made anew where it is older than a source; what went wrong otherwise."""
    try:
        if not newer(path, *sources):
            run(command)
        return path
    except Failed as e:
        return e


def octet_files(model, args, out, bin_dir):
    """Octet's two files, by the converter of that build."""
    convert = bin_dir / "octet-convert"
    shapes = [f for s in args.shape for f in ("--input-shape", s)]
    size = ["--img_shape", args.shape[0].split(",")[-1]] if args.shape else []
    plain, quantised = out / f"{model.stem}.octet", out / f"{model.stem}_int8.octet"
    return (make(plain, [convert, "convert", model, "-o", plain, *shapes], model, convert),
            make(quantised, [convert, "quantize", model, "-o", quantised, "--data", args.data, "--images", "8", "--worst", "0",
                             "--scale", "255", *size],
                 model, convert))


def ort_files(model, int8, args, out):
    """The int8 forms that ONNX Runtime may like: quantised as its own quantiser does, Octet's exported, what was given."""
    quantizer, own = args.root / "benchmarks/ort/quantize.py", out / f"{model.stem}_own.onnx"
    forms = {"own quantiser": make(own, [quantizer, model, own, *args.shape], model, quantizer, quantizer.with_name("ranges.mjs"))}
    exported = out / f"{model.stem}_qdq.onnx"
    convert = args.root / "build/release/bin/octet-convert"
    forms["exported"] = int8 if isinstance(int8, Failed) else make(exported, [convert, "export-onnx", int8, "-o", exported], int8)
    given = [q for q in args.qdq if q.stem.startswith(model.stem.split("_float")[0])]
    return forms | ({"given": given[0]} if given else {})


def engines_of(model, args, out):
    bin_dir = args.root / "build/release/bin"
    plain, int8 = octet_files(model, args, out, bin_dir)
    threads, runs = str(args.threads), str(args.runs)
    shapes = [f for s in args.shape for f in ("--shape", s)]
    engines = []

    def add(name, path, command, env=None):
        if isinstance(path, Failed):
            engines.append(Engine(name, [], error=str(path)))
            return
        try:
            engines.append(Engine(name, command(path), env))
        except Failed as e:
            engines.append(Engine(name, [], error=str(e)))

    def octet(path, count=runs, bin_dir=bin_dir):
        return [bin_dir / "octet-bench", path, "--threads", threads, "--runs", count, "--warmup", "3", "--json", "-", *shapes]

    def ort(path):
        return ["node", args.root / "benchmarks/ort/time.mjs", path, threads, runs, *args.shape]

    def onednn(precision):
        return lambda path: [bin_dir / "octet-bench-onednn", path, precision, runs]

    def opencv(path):
        inputs = json.loads(run(octet(path, 1))[0])["inputs"]
        size = next((s for s in inputs.values() if len(s) == 4), [1, 3, 0, 0])
        return [bin_dir / "octet-bench-opencv", model, threads, runs, str(size[2]), str(size[3])]

    openmp = {"OMP_NUM_THREADS": threads}
    add("Octet int8", int8, octet)
    if args.before:
        earlier = out / "before"
        earlier.mkdir(exist_ok=True)
        add("Octet int8 before", octet_files(model, args, earlier, args.before)[1], lambda path: octet(path, bin_dir=args.before))
    add("oneDNN conv int8", plain, onednn("int8"), openmp)
    for cpu in args.cpu:
        add(f"Octet int8 {cpu}", int8, octet, {"OCTET_CPU": cpu})
        if args.before:
            add(f"Octet int8 {cpu} before", out / "before" / int8.name if not isinstance(int8, Failed) else int8,
                lambda path: octet(path, bin_dir=args.before), {"OCTET_CPU": cpu})
        if cpu in ONEDNN_LEVELS:
            add(f"oneDNN conv int8 {cpu}", plain, onednn("int8"), {**openmp, "ONEDNN_MAX_CPU_ISA": ONEDNN_LEVELS[cpu]})
    for form, path in ort_files(model, int8, args, out).items():
        add(f"{BASE}, {form}", path, ort)
    if args.int8_only:
        return engines
    add("Octet float", plain, octet)
    add("ORT float", model, ort)
    add("OpenCV float", plain, opencv)
    add("oneDNN conv float", plain, onednn("f32"), openmp)
    return engines


def best_of_base(engines):
    """Of ONNX Runtime's int8 forms the fastest, which the others are compared with."""
    return min((e for e in engines if e.name.startswith(BASE) and not e.error),
               key=lambda e: statistics.median(t for r in e.rounds for t in r), default=None)


def summary(model, engine, base, threads):
    times = sorted(t for r in engine.rounds for t in r)
    row = {"model": model.name, "engine": engine.name, "threads": threads, "min_ms": round(times[0], 3),
           "median_ms": round(statistics.median(times), 3), "p90_ms": round(times[min(len(times) - 1, int(len(times) * .9))], 3), "peak_rss_kb": engine.rss,
           "ratio_to_ort_int8": None}
    if base:  # the two of one round ran next to each other: their ratio is what noise disturbs least
        ratios = sorted(statistics.median(a) / statistics.median(b) for a, b in zip(engine.rounds, base.rounds))
        row["ratio_to_ort_int8"] = round(statistics.median(ratios), 3)
        row["ratio_spread"] = [round(ratios[0], 3), round(ratios[-1], 3)]
    return row


def show(rows, errors, base):
    print(f"{'engine':28} {'min ms':>9} {'median':>9} {'p90':>9} {'peak MB':>8} {'/ ' + BASE:>12}  spread over rounds")
    for r in rows:
        ratio = f"{r['ratio_to_ort_int8']:12.2f}  {r['ratio_spread'][0]:.2f} .. {r['ratio_spread'][1]:.2f}" if r["ratio_to_ort_int8"] else f"{'-':>12}"
        print(f"{r['engine']:28} {r['min_ms']:9.2f} {r['median_ms']:9.2f} {r['p90_ms']:9.2f} {r['peak_rss_kb'] / 1024:8.1f} {ratio}")
    for e in errors:
        print(f"{e.name:28} cannot: {e.error}")
    if base:
        print(f"{BASE} stands for its fastest form here: {base.name.split(', ')[1]}")
    print(flush=True)


def markdown(rows, cpus, before):
    """A line a model: the least times and quotients of them, for the default instruction set and each of `cpus`."""
    models = list(dict.fromkeys(r["model"] for r in rows))
    parts = [("", "")] + [(f" {c}", f" {c}") for c in cpus]
    head = ["model"]
    for title, _ in parts:
        head += [f"Octet int8{title}, ms"] + (["/ before"] if before else []) + ["/ oneDNN's convolutions"]
    lines = ["| " + " | ".join(head + [f"/ {BASE}"]) + " |", "|" + "---|" * (len(head) + 1)]
    for model in models:
        least = {r["engine"]: r["min_ms"] for r in rows if r["model"] == model}

        def quotient(a, b):
            return f"{least[a] / least[b]:.2f}" if a in least and b in least else "-"

        cells = [model.removesuffix(".onnx")]
        for _, suffix in parts:
            octet = "Octet int8" + suffix
            cells.append(f"{least[octet]:.1f}" if octet in least else "-")
            cells += [quotient(octet, octet + " before")] if before else []
            cells.append(quotient(octet, "oneDNN conv int8" + suffix))
        forms = [e for e in least if e.startswith(BASE)]
        cells.append(quotient("Octet int8", min(forms, key=least.get)) if forms else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="benchmarks/compare", description="Octet beside other runtimes, on random input.")
    parser.add_argument("models", nargs="*", type=pathlib.Path, help="ONNX files; default: the bundled ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20, help="runs in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", action="append", default=[], help="sizes of a dynamic input: name=1,3,640,640")
    parser.add_argument("--qdq", action="append", default=[], type=pathlib.Path,
                        help="a quantised model for ONNX Runtime, named as the float one with _qdq for _float, beside the two that are "
                             "made: as its own quantiser does it, and Octet's int8 model, exported")
    parser.add_argument("--cpu", action="append", default=[], help="an instruction set (as in OCTET_CPU), with oneDNN bounded by the same")
    parser.add_argument("--before", type=pathlib.Path, help="the programs of another build of Octet: a folder")
    parser.add_argument("--int8-only", action="store_true", help="no float engines")
    parser.add_argument("--data", type=pathlib.Path, help="calibration pictures; default: the bundled ones")
    parser.add_argument("--json", help="also write the rows to this file")
    parser.add_argument("--markdown", action="store_true", help="at the end a table of the least times and their quotients")
    parser.add_argument("--root", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.data = args.data or args.root / "models/data/calib/images"
    models = [m.resolve() for m in args.models] or sorted((args.root / "models").glob("*.onnx"))
    args.qdq = [q.resolve() for q in args.qdq]
    args.before = args.before.resolve() if args.before else None
    for path in models + args.qdq + [args.data] + ([args.before] if args.before else []):
        if not path.exists():
            sys.exit(f"benchmarks/compare: {path}: no such file")
    out = args.root / "build/compare"
    json_path = os.path.abspath(args.json) if args.json else None
    os.chdir(out / "ort")  # where ONNX Runtime is installed

    rows = []
    for model in models:
        print(f"{model.name}, {args.threads} thread(s), {args.rounds} rounds of {args.runs} runs", flush=True)
        engines = engines_of(model, args, out)
        for round_number in range(args.rounds):
            for engine in engines:
                progress(f"  round {round_number + 1} of {args.rounds}: {engine.name}")
                engine.turn()
        progress("")
        base = best_of_base(engines)
        done = [summary(model, e, base, args.threads) for e in engines if not e.error]
        show(done, [e for e in engines if e.error], base)
        rows += done
    if args.markdown:
        print(markdown(rows, args.cpu, args.before))
    if json_path:
        pathlib.Path(json_path + ".tmp").write_text(json.dumps(rows, indent=1) + "\n")
        os.replace(json_path + ".tmp", json_path)
    return 0 if rows else 1


sys.exit(main())
