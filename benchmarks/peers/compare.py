"""Runs the engines in turns, round after round, and prints medians and ratios; benchmarks/compare starts it."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

BASE = "ORT int8"


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


def prepare(model, args, out):
    """The files that the engines take: Octet's two and the QDQ model. A file that cannot be made is its error."""
    bin_dir, made = args.root / "build/release/bin", {}
    convert = bin_dir / "octet-convert"

    def make(key, path, command, *sources):
        try:
            if not newer(path, model, *sources):
                run(command)
            made[key] = path
        except Failed as e:
            made[key] = e

    shapes = [f for s in args.shape for f in ("--input-shape", s)]
    make("float", out / f"{model.stem}.octet", [convert, "convert", model, "-o", out / f"{model.stem}.octet", *shapes], convert)
    make("int8", out / f"{model.stem}_int8.octet",
         [convert, "quantize", model, "-o", out / f"{model.stem}_int8.octet", "--data", args.data, "--images", "8", "--worst", "0",
          *(["--img_shape", args.shape[0].split(",")[-1]] if args.shape else [])], convert)
    given = [q for q in args.qdq if q.stem.startswith(model.stem.split("_float")[0])]
    if given:
        made["qdq"] = given[0]
    elif isinstance(made["int8"], Failed):
        made["qdq"] = made["int8"]
    else:
        qdq = out / f"{model.stem}_qdq.onnx"
        make("qdq", qdq, [convert, "export-onnx", made["int8"], "-o", qdq], made["int8"])
    return made


def engines_of(model, args, out):
    made = prepare(model, args, out)
    bin_dir = args.root / "build/release/bin"
    threads, runs = str(args.threads), str(args.runs)
    shapes = [f for s in args.shape for f in ("--shape", s)]
    engines = []

    def add(name, key, command, env=None):
        path = made.get(key, model)
        try:
            engines.append(Engine(name, command(path), env))
        except Failed as e:
            engines.append(Engine(name, [], error=str(e)))
        if isinstance(path, Failed):
            engines[-1].error = str(path)

    def octet(path, count=runs):
        return [bin_dir / "octet-bench", path, "--threads", threads, "--runs", count, "--warmup", "3", "--json", "-", *shapes]

    def ort(path):
        return ["node", args.root / "benchmarks/ort/time.mjs", path, threads, runs, *args.shape]

    def onednn(precision):
        return lambda path: [bin_dir / "octet-bench-onednn", path, precision, runs]

    def opencv(path):
        inputs = {} if isinstance(path, Failed) else json.loads(run(octet(path, 1))[0])["inputs"]
        size = next((s for s in inputs.values() if len(s) == 4), [1, 3, 0, 0])
        return [bin_dir / "octet-bench-opencv", model, threads, runs, str(size[2]), str(size[3])]

    openmp = {"OMP_NUM_THREADS": threads}
    add("Octet int8", "int8", octet)
    add("Octet float", "float", octet)
    add(BASE, "qdq", ort)
    add("ORT float", "source", ort)
    add("OpenCV float", "float", opencv)
    add("oneDNN conv int8", "float", onednn("int8"), openmp)
    add("oneDNN conv float", "float", onednn("f32"), openmp)
    return engines


def summary(model, engine, base, threads):
    times = sorted(t for r in engine.rounds for t in r)
    row = {"model": model.name, "engine": engine.name, "threads": threads, "median_ms": round(statistics.median(times), 3),
           "p90_ms": round(times[min(len(times) - 1, int(len(times) * .9))], 3), "peak_rss_kb": engine.rss,
           "ratio_to_ort_int8": None}
    if base and not base.error:  # the two of one round ran next to each other: their ratio is what noise disturbs least
        ratios = sorted(statistics.median(a) / statistics.median(b) for a, b in zip(engine.rounds, base.rounds))
        row["ratio_to_ort_int8"] = round(statistics.median(ratios), 3)
        row["ratio_spread"] = [round(ratios[0], 3), round(ratios[-1], 3)]
    return row


def show(rows, errors):
    print(f"{'engine':18} {'median ms':>10} {'p90':>9} {'peak MB':>8} {'/ ' + BASE:>12}  spread over rounds")
    for r in rows:
        ratio = f"{r['ratio_to_ort_int8']:12.2f}  {r['ratio_spread'][0]:.2f} .. {r['ratio_spread'][1]:.2f}" if r["ratio_to_ort_int8"] else f"{'-':>12}"
        print(f"{r['engine']:18} {r['median_ms']:10.2f} {r['p90_ms']:9.2f} {r['peak_rss_kb'] / 1024:8.1f} {ratio}")
    for e in errors:
        print(f"{e.name:18} cannot: {e.error}")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(prog="benchmarks/compare", description="Octet beside other runtimes, on random input.")
    parser.add_argument("models", nargs="*", type=pathlib.Path, help="ONNX files; default: the bundled ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20, help="runs in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", action="append", default=[], help="sizes of a dynamic input: name=1,3,640,640")
    parser.add_argument("--qdq", action="append", default=[], type=pathlib.Path,
                        help="a model quantised by ONNX Runtime's static quantiser, named as the float one with _qdq for _float; "
                             "default: Octet's int8 model, exported")
    parser.add_argument("--data", type=pathlib.Path, help="calibration pictures; default: the bundled ones")
    parser.add_argument("--json", help="also write the rows to this file")
    parser.add_argument("--root", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.data = args.data or args.root / "models/data/calib/images"
    models = [m.resolve() for m in args.models] or sorted((args.root / "models").glob("*.onnx"))
    args.qdq = [q.resolve() for q in args.qdq]
    for path in models + args.qdq + [args.data]:
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
        base = next(e for e in engines if e.name == BASE)
        done = [summary(model, e, base, args.threads) for e in engines if not e.error]
        show(done, [e for e in engines if e.error])
        rows += done
    if json_path:
        pathlib.Path(json_path + ".tmp").write_text(json.dumps(rows, indent=1) + "\n")
        os.replace(json_path + ".tmp", json_path)
    return 0 if rows else 1


sys.exit(main())
