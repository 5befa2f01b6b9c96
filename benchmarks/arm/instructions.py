#!/usr/bin/python3
"""Instructions that one inference of whole models takes on ARM, for each instruction set: counted under qemu, no ARM machine is needed.

A plugin of qemu-user (count_instructions.c) counts what a program (runs.cc) executes with one run and with two: the difference is one
run. Inputs are zeroes.

  cmake --preset arm64 && cmake --build build/arm64 --target octet
  benchmarks/arm/instructions.py MODEL.octet... [--build build/arm64] [--isa neon]... [--jobs 2]

Needs Debian's qemu-user (the static one loads no plugins), g++, g++-aarch64-linux-gnu and libc6-arm64-cross.
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ISAS = ["neon", "dotprod", "i8mm"]


def run(command, **environment):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=os.environ | environment)
    if done.returncode:
        sys.exit(f"instructions.py: {' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def executed(folder, model, isa, runs):
    """(instructions of the whole program, multiply-accumulates of one inference)"""
    count = folder / f"{pathlib.Path(model).stem}-{isa}-{runs}"
    macs = run(["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", "max", "-plugin", folder / "count.so", folder / "runs", model, runs],
               INSTRUCTIONS_FILE=str(count), OCTET_CPU=isa)
    return int(count.read_text()), int(macs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL.octet")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/arm64", help="a build for ARM")
    parser.add_argument("--isa", action="append", choices=ISAS, help="instruction sets; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="programs at a time")
    options = parser.parse_args()
    isas = options.isa or ISAS
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        folder = pathlib.Path(temporary)
        library = options.build / "runtime"
        run(["cc", "-shared", "-fPIC", "-O2", "-o", folder / "count.so", HERE / "count_instructions.c"])
        run(["aarch64-linux-gnu-g++", "-std=c++20", "-O2", "-I", HERE.parent.parent / "runtime/include", "-o", folder / "runs",
             HERE / "runs.cc", "-L", library, "-loctet", f"-Wl,-rpath,{library.resolve()}"])
        counted = {(model, isa, runs): pool.submit(executed, folder, model, isa, runs)
                   for model in options.models for isa in isas for runs in (1, 2)}
        print("| model | GMAC | " + " | ".join(f"{isa}: 10^9 instructions, products of one" for isa in isas) + " |")
        print("|---" * (2 + len(isas)) + "|")
        for model in options.models:
            cells = []
            for isa in isas:
                (one, macs), (two, _) = (counted[model, isa, runs].result() for runs in (1, 2))
                cells.append(f"{(two - one) / 1e9:.3f}, {macs / (two - one):.1f}")
            print(f"| {pathlib.Path(model).stem} | {macs / 1e9:.2f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
