// The .octet file around the flatbuffer: header, checksums and the packing of int8 weights. FORMAT.md says the same in words.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace octet::schema {

inline constexpr char kMagic[8] = {'O', 'C', 'T', 'E', 'T', 'M', 'D', 'L'};
inline constexpr uint32_t kVersionMajor = 1;  // a reader refuses another major
inline constexpr uint32_t kVersionMinor = 3;  // and a larger minor: it would not know an op or a field that matters
inline constexpr const char* kNumericsKey = "numerics";  // of the metadata: by which arithmetic a file was made,
inline constexpr int kNumerics = 1;                      // a number of FORMAT.md. A reader refuses a larger one
inline constexpr uint64_t kAlignment = 64;               // of the weight segment in the file and of each constant in it

// What a reader takes at most, and so what a writer may write: FORMAT.md, Limits.
inline constexpr size_t kMaxNodes = size_t{1} << 17;
inline constexpr size_t kMaxTensors = size_t{1} << 19;
inline constexpr size_t kMaxNodeTensors = 1024;            // inputs or outputs of one node
inline constexpr size_t kMaxTensorRank = 8;                // sizes of a tensor
inline constexpr int64_t kMaxElements = int64_t{1} << 40;  // of one tensor: keeps every product of sizes inside 64 bits
inline constexpr uint64_t kMaxOperandBytes = uint64_t{1} << 35;  // of constants, counted for each node that takes them
inline constexpr uint64_t kMaxGraphBytes = (1u << 31) - 1;       // flatbuffers have offsets of 32 bits
inline constexpr uint32_t kMaxNesting = 16;                      // of the graph's tables
inline constexpr uint32_t kMaxTables = 3'000'000;                // in the graph

// All numbers little endian. Offsets are from the start of the file.
struct FileHeader {
  char magic[8];
  uint32_t version_major;
  uint32_t version_minor;
  uint64_t graph_offset;  // a multiple of 8
  uint64_t graph_bytes;
  uint64_t weights_offset;  // a multiple of kAlignment
  uint64_t weights_bytes;
  uint64_t graph_hash;
  uint64_t weights_hash;
};
static_assert(sizeof(FileHeader) == 64);
static_assert(std::endian::native == std::endian::little, "big-endian machines would need byte swaps");

// Checksum against damage (not against malice): four lanes of 64-bit multiply and rotate over 32-byte stripes, the tail
// zero-padded, the length mixed in last. A changed byte always changes the result: each step is a bijection of its lane.
inline uint64_t hash(std::span<const std::byte> bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;  // odd: multiplying is a bijection mod 2^64
  uint64_t a = 1, b = 2, c = 3, d = 4;                   // four names, not an array: they stay in registers
  const auto mix = [](uint64_t& lane, const std::byte* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    lane = std::rotl((lane ^ v) * kMultiplier, 29);
  };
  const auto stripe = [&](const std::byte* p) { mix(a, p), mix(b, p + 8), mix(c, p + 16), mix(d, p + 24); };
  size_t i = 0;
  for (; i + 32 <= bytes.size(); i += 32) stripe(bytes.data() + i);
  if (i < bytes.size()) {
    std::byte tail[32] = {};
    std::memcpy(tail, bytes.data() + i, bytes.size() - i);
    stripe(tail);
  }
  uint64_t h = bytes.size();
  for (uint64_t lane : {a, b, c, d}) h = std::rotl((h ^ lane) * kMultiplier, 31);
  return h;
}

// Sizes of int8 weights in Packing.conv_s8: [group][block of 16 out][tap][group of 4 in][16 out][4 in], zero padded.
struct PackedShape {
  int64_t groups = 1;  // of the convolution
  int64_t out = 0;     // output channels of one group
  int64_t taps = 1;    // kernel_h * kernel_w
  int64_t in = 0;      // input channels of one group
  int64_t blocks() const { return (out + 15) / 16; }
  int64_t quads() const { return (in + 3) / 4; }
  int64_t group_bytes() const { return blocks() * taps * quads() * 64; }
  int64_t bytes() const { return groups * group_bytes(); }
  // Where weight [o][tap][c] of a group stands.
  int64_t at(int64_t group, int64_t o, int64_t tap, int64_t c) const {
    return group * group_bytes() + ((o / 16 * taps + tap) * quads() + c / 4) * 64 + o % 16 * 4 + c % 4;
  }
};

// dense: [groups * out][taps][in].
inline void pack_conv_s8(const PackedShape& s, const int8_t* dense, int8_t* packed) {
  std::memset(packed, 0, static_cast<size_t>(s.bytes()));
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t o = 0; o < s.out; ++o)
      for (int64_t t = 0; t < s.taps; ++t)
        for (int64_t c = 0; c < s.in; ++c) packed[s.at(g, o, t, c)] = *dense++;
}

inline void unpack_conv_s8(const PackedShape& s, const int8_t* packed, int8_t* dense) {
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t o = 0; o < s.out; ++o)
      for (int64_t t = 0; t < s.taps; ++t)
        for (int64_t c = 0; c < s.in; ++c) *dense++ = packed[s.at(g, o, t, c)];
}

}  // namespace octet::schema
