#!/usr/bin/python3
"""How well the int8 loops for ARM keep the product units busy, by llvm-mca's models of the pipelines: no ARM machine is needed.

Takes the kernels' library of an arm64 build apart, finds in each instruction set's file the innermost loops with products, and for
each CPU compares the cycles that llvm-mca foresees with those that the loop's products alone would take (measured by llvm-mca too,
on as many independent ones). A share of 100 % is a loop that only the product units bound. Per file the loops with the most
products are shown: the tall tiles, in which large layers spend their time.

  cmake --preset arm64 && cmake --build build/arm64 --target octet_kernels
  benchmarks/arm/inner_loops.py build/arm64/kernels/liboctet_kernels.a [--mca llvm-mca-19] [--top 3] [--cpu neoverse-n1]...

Needs Debian's llvm-19 (llvm-mca) and binutils-aarch64-linux-gnu.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

CPUS = ["cortex-a55", "neoverse-n1", "neoverse-v1"]
ISAS = {"neon": "", "dotprod": "+dotprod", "i8mm": "+dotprod,+i8mm"}
# Where products are s8 or s16 times the same into s32: what is added to, and pairwise sums, are no products.
PRODUCT = re.compile(r"^(sdot|udot|usdot|sudot|smmla|usmmla|ummla|smull2?|smlal2?|umull2?|umlal2?)$")
MULTIPLIES = {"sdot": 16, "udot": 16, "usdot": 16, "sudot": 16, "smmla": 32, "usmmla": 32, "ummla": 32}  # of one instruction; else by lanes
ITERATIONS = 200


def run(command, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode:
        sys.exit(f"inner_loops.py: {' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def functions(disassembly):
    """(name, [(address, mnemonic, operands)]) of each function."""
    name, body = None, []
    for line in disassembly.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            if name:
                yield name, body
            name, body = head[1], []
            continue
        code = re.match(r"^\s*([0-9a-f]+):\t(\S+)\s*(.*?)(\s*//.*)?$", line)
        if code and name:
            body.append((int(code[1], 16), code[2], code[3]))
    if name:
        yield name, body


def loops(body):
    """Innermost loops: from a branch's target back to the branch, with no other branch between."""
    at = {address: i for i, (address, _, _) in enumerate(body)}
    for end, (address, mnemonic, operands) in enumerate(body):
        if not re.match(r"^(b\..*|cbn?z|tbn?z)$", mnemonic):
            continue
        target = re.search(r"\b([0-9a-f]+) <", operands)
        begin = at.get(int(target[1], 16)) if target else None
        if begin is None or begin >= end:
            continue
        if any(re.match(r"^(b|b\..*|bl|blr|br|ret|cbn?z|tbn?z)$", m) for _, m, _ in body[begin:end]):
            continue
        yield body[begin:end + 1]


def products_of(loop):
    """Multiplications of one turn, and the product instructions by mnemonic."""
    count, kinds = 0, collections.Counter()
    for _, mnemonic, operands in loop:
        if not PRODUCT.match(mnemonic):
            continue
        kinds[(mnemonic, re.sub(r"\d+", "", operands.split(",")[0].split(".")[-1]) + operands.split(",")[0].split(".")[-1])] += 1
        lanes = re.search(r"\.(\d+)", operands.split(",")[1])
        count += MULTIPLIES.get(mnemonic) or (8 if mnemonic.startswith(("smull", "umull")) and ".8h" in operands.split(",")[0]
                                              else 8 if ".8h" in operands.split(",")[0] else int(lanes[1]) // (2 if mnemonic.endswith("2") else 1))
    return count, kinds


def text_of(loop):
    """As an assembler reads it; the branch goes to the loop's begin."""
    lines = ["loop:"]
    for _, mnemonic, operands in loop:
        operands = re.sub(r"\b[0-9a-f]+ <.*$", "loop", operands)
        lines.append(f"  {mnemonic} {operands}")
    return "\n".join(lines) + "\n"


def cycles(mca, cpu, features, text, folder):
    path = pathlib.Path(folder) / "loop.s"
    path.write_text(text)
    said = run([mca, "-march=aarch64", f"-mcpu={cpu}", f"-mattr={features}", f"-iterations={ITERATIONS}", path])
    return int(re.search(r"Total Cycles:\s+(\d+)", said)[1]) / ITERATIONS


def alone(loop):
    """The loop's products by themselves, each into a register of its own, so that only the units bound them."""
    lines = []
    for _, mnemonic, operands in loop:
        if not PRODUCT.match(mnemonic):
            continue
        parts = [p.strip() for p in operands.split(",")]
        kind = [re.sub(r"^[vq]\d+", "", p) for p in parts]
        target = len(lines) % 24 + (len(lines) % 24 >= 15)  # v15 is an operand: lanes of 16 bits are only those of v0 to v15
        lines.append(f"  {mnemonic} v{target}{kind[0]}, v30{kind[1]}, v15{kind[2]}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("--objdump", default="aarch64-linux-gnu-objdump")
    parser.add_argument("--cpu", action="append", help=f"default: {', '.join(CPUS)}")
    parser.add_argument("--top", type=int, default=3, help="loops of each instruction set")
    parser.add_argument("--of", default="accumulate|multiply", help="functions: a regular expression")
    args = parser.parse_args()
    print(f"scheduling models of {run([args.mca, '--version']).split('version ')[1].split()[0]} (llvm-mca): {', '.join(args.cpu or CPUS)}\n")
    print("| set | loop of | products | " + " | ".join(f"{c}: cycles, share" for c in args.cpu or CPUS) + " |")
    print("|---|---|---|" + "---|" * len(args.cpu or CPUS))
    found_any = False
    with tempfile.TemporaryDirectory() as folder:
        run(["ar", "x", args.library.resolve()], cwd=folder)
        for isa, features in ISAS.items():
            object_file = next(iter(sorted(pathlib.Path(folder).glob(f"{isa}.cc*"))), None)
            if object_file is None:
                continue
            found = []
            named = functions(run([args.objdump, "-dC", "--no-show-raw-insn", object_file]))
            for name, body in named:
                for loop in loops(body) if re.search(args.of, name) else ():
                    count, kinds = products_of(loop)
                    if count:
                        found.append((count, sum(kinds.values()), name, loop))
            found.sort(key=lambda f: -f[0])
            for count, instructions, name, loop in found[:args.top]:
                found_any = True
                cells = []
                for cpu in args.cpu or CPUS:
                    took, least = (cycles(args.mca, cpu, features, t, folder) for t in (text_of(loop), alone(loop)))
                    cells.append(f"{took:.1f}, {100 * least / took:.0f} %")
                short = re.sub(r"octet::kernels::|\(anonymous namespace\)::", "", name).split("(")[0]
                print(f"| {isa} | {short} | {count} by {instructions} | " + " | ".join(cells) + " |")
    if not found_any:
        sys.exit(f"inner_loops.py: {args.library}: no loop with products")


main()
