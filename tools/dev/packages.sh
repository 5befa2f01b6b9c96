# For the scripts: installs the Debian packages that are missing, and says which.
install_packages() {  # install_packages PACKAGE...
  local missing=() package as_root=()
  for package; do
    dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || { echo "as root, please: apt-get install ${missing[*]}" >&2; return 1; }
    as_root=(sudo)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq < /dev/null &&
    "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" < /dev/null > /dev/null
}

# What building everything takes; ccache is no must (tools/dev/launcher).
build_packages=(cmake ninja-build g++ flatbuffers-compiler libflatbuffers-dev libdnnl-dev libprotobuf-dev
                protobuf-compiler libopencv-dev libpng-dev libzip-dev nlohmann-json3-dev libcli11-dev
                libyaml-cpp-dev libpugixml-dev)
# And testing it.
test_packages=(googletest libbenchmark-dev libsimde-dev valgrind pkg-config ccache clang libclang-rt-14-dev
               g++-aarch64-linux-gnu g++-arm-linux-gnueabihf libc6-dev-armhf-cross libc6-dev-arm64-cross qemu-user-static
               clang-format python3-onnx)
