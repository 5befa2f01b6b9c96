# Debian's cross compiler for 32-bit ARM (ARMv7 with NEON and fused multiply-add: Cortex-A7 and later).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_C_FLAGS_INIT "-march=armv7-a+neon-vfpv4")
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a+neon-vfpv4 -Wno-psabi")  # notes on an ABI of GCC before 7
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm-static -L /usr/arm-linux-gnueabihf)
