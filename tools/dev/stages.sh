# For tools/test and tools/nightly: stages with a line of summary each, logs that are kept, and ctest's counts over all builds.
# The script sets $logs, a folder, and sources this.
jobs=$(nproc)
mkdir -p "$logs"
: > "$logs/summary"
failed=0

stage() {  # stage NAME COMMAND...: one line of the summary; what it prints is kept, and shown where it fails
  local name=$1 start=$SECONDS status=ok
  shift
  echo "== $name"
  "$@" > "$logs/$name.log" 2>&1 < /dev/null || { status=FAILED; failed=1; tail -n 60 "$logs/$name.log"; }
  printf '%-22s %-6s %5d s\n' "$name" $status $((SECONDS - start)) | tee -a "$logs/summary"
  [ $status = ok ]
}

tests() {  # tests NAME BUILD CTEST-FLAGS...: like stage, but ctest's lines are shown
  local name=$1 build=$2 start=$SECONDS status=ok
  shift 2
  echo "== $name"
  ctest --test-dir "$build" --output-on-failure --no-tests=error "$@" < /dev/null 2>&1 | tee "$logs/$name.log"
  [ "${PIPESTATUS[0]}" = 0 ] || { status=FAILED; failed=1; }
  printf '%-22s %-6s %5d s  %s\n' "$name" $status $((SECONDS - start)) "$(grep 'tests passed' "$logs/$name.log" || echo 'no tests')" \
    | tee -a "$logs/summary"
}

configure() {  # configure PRESET FLAGS...
  cmake --preset "$@"
}
build() {  # build PRESET TEST-NAME-PATTERN TARGET...: the tests whose names match and are targets too, and the targets
  local preset=$1 pattern=$2 programs=()
  shift 2
  [ -z "$pattern" ] || mapfile -t programs < <(comm -12 \
    <(ctest --test-dir "build/$preset" -N -R "$pattern" | sed -nE 's/^ *Test +#[0-9]+: //p' | sort) \
    <(ninja -C "build/$preset" -t targets all | cut -d: -f1 | sort))
  cmake --build "build/$preset" -j "$jobs" --target "${programs[@]}" "$@"
}

run_stages() {  # run_stages HOW ALL NAME...: `HOW NAME` for the stages that are named, or all; unknown names are refused first
  local how=$1 all=$2 name
  shift 2
  # shellcheck disable=SC2086
  [ $# -gt 0 ] || set -- $all
  for name; do
    [[ " $all " == *" $name "* ]] || { echo "$0: no stage '$name'; there are: $all"; exit 2; }
  done
  for name; do $how "$name"; done
}

print_summary() {
  echo
  echo "== summary ($((SECONDS / 60)) min)"
  cat "$logs/summary"
  # ctest's own last line, over all builds; a stage that failed without tests counts as one.
  awk '/FAILED/ && !/tests passed/ { ++bad; ++all }
       /tests passed/ { match($0, /[0-9]+ tests? failed out of [0-9]+/); split(substr($0, RSTART), n, " ");
                         bad += n[1]; all += n[6] }
       END { printf "%d%% tests passed, %d tests failed out of %d\n", all ? int(100 * (all - bad) / all) : 0, bad, all }' "$logs/summary"
  [ $failed = 0 ] || echo "FAILED"
}
