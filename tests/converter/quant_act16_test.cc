// The curves that stand for activations in 16-bit integers: how far they are from the functions, and which layers get one.
#include <gtest/gtest.h>

#include "converter/quant/act16.h"
#include "kernels/reference/reference.h"
#include "quant_rig.h"
#include "runtime/core/model.h"
#include "schema/format.h"

namespace octet::convert {
namespace {

using schema::ActKind;

double exact(ActKind kind, double x) {
  switch (kind) {
    case ActKind::silu:
      return x / (1 + std::exp(-x));
    case ActKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case ActKind::tanh:
      return std::tanh(x);
    case ActKind::gelu:
      return x / 2 * std::erfc(-x * M_SQRT1_2);
    default:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
}

// The kernel's arithmetic on the fields as they are, at a zero point: all it may add is in units of 2^-shift.
double stored(const schema::Act16& f, double x, double scale) {
  kernels::Act16 a;
  a.limit = f.limit(), a.step = f.step();
  for (uint16_t i = 0; i < 8; ++i)
    a.value[i] = f.value()->Get(i), a.slope[i] = f.slope()->Get(i), a.bend[i] = f.bend()->Get(i);
  const double unit = f.odd() ? f.unit() : scale / (1 << f.shift());
  const auto s = static_cast<int16_t>(std::clamp(std::nearbyint(x / unit), -32768.0, 32767.0));
  const int curve = kernels::reference::curve(a, s);
  return (f.odd() ? (s < 0 ? -curve : curve) + f.base() : std::max<int>(s, 0) + curve) / double(1 << f.shift());
}

TEST(QuantAct16, CurvesFollowTheFunctions) {
  for (const ActKind kind : {ActKind::silu, ActKind::gelu, ActKind::gelu_tanh, ActKind::sigmoid, ActKind::tanh}) {
    const bool odd = kind == ActKind::sigmoid || kind == ActKind::tanh;
    for (const double range : {2.6, 6.0, 20.0, 200.0}) {
      const double scale = odd ? (kind == ActKind::tanh ? 2 : 1) / 255.0 : range / 255;
      const auto curve = fit_act16(kind, scale, nullptr);
      ASSERT_TRUE(curve);
      double worst = 0, sum = 0;
      int count = 0;
      for (double x = -12; x < 254 * scale; x += 0.0011, ++count) {
        const double off = std::fabs(stored(curve->fields, x, scale) - exact(kind, x) / scale);
        worst = std::max(worst, off), sum += off * off;
      }
      // 1.4e-3 is what 8 pieces over [0, 8] leave of SiLU, beyond them 0.003; a 64th of a step comes on top.
      EXPECT_LT(worst, 0.05 + (odd ? 1.2e-3 : 7e-3) / scale) << schema::EnumNameActKind(kind) << " " << range;
      EXPECT_LT(std::sqrt(sum / count), 0.02 + (odd ? 5e-4 : 2e-3) / scale)
          << schema::EnumNameActKind(kind) << " " << range;
      EXPECT_LT(range >= 20 && !odd ? curve->loss : 0, 0.1) << schema::EnumNameActKind(kind) << " " << range;
    }
  }
}

TEST(QuantAct16, OthersAreNotWorthIt) {
  for (const ActKind kind : {ActKind::none, ActKind::relu, ActKind::hard_swish, ActKind::leaky_relu})
    EXPECT_FALSE(fit_act16(kind, 0.05, nullptr)) << schema::EnumNameActKind(kind);
}

// Where the outputs lie decides: near the worst piece, or where the curve is as good as straight.
TEST(QuantAct16, TheLossWeighsWhatWasSeen) {
  Histogram wide, narrow;
  widen(wide, -0.3f, 2.0f), widen(narrow, -0.3f, 2.0f);
  for (int i = 0; i < 1000; ++i)
    add_inside(wide, 1.2f + 0.0008f * static_cast<float>(i)), add_inside(narrow, 0.3f + 1e-4f * static_cast<float>(i));
  const double scale = 2.3 / 255;
  const auto calm = fit_act16(ActKind::silu, scale, &wide), busy = fit_act16(ActKind::silu, scale, &narrow),
             unknown = fit_act16(ActKind::silu, scale, nullptr);
  EXPECT_LT(calm->loss, busy->loss);
  EXPECT_LE(busy->loss, unknown->loss + 0.05);
  EXPECT_GT(unknown->loss, kAct16Loss);  // 8 pieces are too few for steps as fine as these
}

std::vector<std::string> layers_with(const std::vector<std::byte>& file) {
  auto model = Model::from_bytes(file, "m.octet");
  std::vector<std::string> names;
  for (const NodeDef& n : model->data().nodes)
    if (n.act16) names.push_back(std::string(n.name));
  return names;
}

TEST(QuantAct16, LayersGetOneUnlessAskedNotTo) {
  GraphBuilder b;
  const SourceModel source =
      source_from(b.finish(b.conv("last", b.conv("swish", b.input({1, 4, 4, 8}), 8, ActKind::silu), 4, ActKind::none)));
  const Samples samples = random_samples(3);
  for (const char* how : {"auto", "float"}) {
    QuantizeOptions options{.per_channel = "tensor"};
    options.activations = how;
    const auto made = quantize(source, samples, options);
    ASSERT_TRUE(made) << made.error().text;
    schema::FileHeader header;
    std::memcpy(&header, made->bytes.data(), sizeof header);
    const bool integers = std::string_view(how) == "auto";
    EXPECT_EQ(layers_with(made->bytes), integers ? std::vector<std::string>{"swish"} : std::vector<std::string>{});
    EXPECT_EQ(header.version_minor, integers ? 3u : 1u);
  }
  QuantizeOptions wrong;
  wrong.activations = "int8";
  EXPECT_FALSE(quantize(source, samples, wrong));
}

}  // namespace
}  // namespace octet::convert
