// The epilogue by itself: from sums to bytes, for each kind of activation, those in 16-bit integers too.
#include "benchmarks/kernels/support.h"

namespace octet::kernels::bench {
namespace {

struct Case {
  const char* name;
  Act act;
  bool in_16_bits, residual;
};
constexpr Case kCases[] = {{"none", Act::kNone, false, false},       {"silu", Act::kSilu, false, false},
                           {"silu16", Act::kSilu, true, false},      {"none+res", Act::kNone, false, true},
                           {"silu+res", Act::kSilu, false, true},

                           {"silu16+res", Act::kSilu, true, true},   {"hswish", Act::kHardSwish, false, false},
                           {"gelu", Act::kGelu, false, false},       {"sigmoid", Act::kSigmoid, false, false},
                           {"sigmoid16", Act::kSigmoid, true, false}};

void finish(benchmark::State& state, const Isa& isa, const Case& c, int channels) {
  constexpr int kRows = 120;
  const EpilogueArrays arrays(channels);
  Data<int32_t> acc(static_cast<size_t>((kRows + kFinishSlack) * channels));
  for (size_t i = 0; i < acc.size(); ++i) acc.data()[i] = static_cast<int32_t>(i * 2654435761u >> 8) % 20000;
  const Data<uint8_t> residual = random_bytes(int64_t{kRows} * channels);
  Data<uint8_t> output(static_cast<size_t>(kRows * channels));
  Act16 a;
  a.odd = c.act == Act::kSigmoid, a.shift = 6, a.step = 26, a.limit = 10000, a.residual = 8000;
  Finish f = {.acc = acc.data(),
              .acc_pitch = channels,
              .rows = kRows,
              .channels = channels,
              .epilogue = arrays.epilogue(c.act),
              .output = output.data(),
              .output_pitch = channels};
  if (c.in_16_bits) f.epilogue.act16 = &a;
  if (c.residual) {
    f.residual = residual.data(), f.residual_pitch = channels;
    f.epilogue.res_multiplier = f.epilogue.multiplier, f.epilogue.res_offset = f.epilogue.multiplier;
  }
  for ([[maybe_unused]] auto _ : state) {
    isa.finish(f);
    benchmark::ClobberMemory();
  }
  state.counters["outputs/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kRows * channels, benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  for (const Case& c : kCases)
    for (int channels : {32, 64})
      for_each_isa("finish", std::string(c.name) + "/n=" + std::to_string(channels),
                   [c, channels](benchmark::State& state, const Isa& isa) { finish(state, isa, c, channels); });
  return true;
}();

}  // namespace
}  // namespace octet::kernels::bench
