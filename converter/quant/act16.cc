#include "converter/quant/act16.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "converter/graph/layer_weights.h"
#include "kernels/reference/reference.h"

namespace octet::convert {
namespace {

using schema::ActKind;
constexpr int kPieces = kernels::kPieces16;
constexpr int kMostShift = 6;  // a 64th of a step: rounding to it is below a hundredth of the rounding to steps
constexpr double kLargest = 32767;

// What a curve stands for, of a >= 0: what is taken from max(x, 0), or the half of an odd function.
struct Shape16 {
  ActKind kind;
  bool odd;
  double (*curve)(double a);
  double centre;                  // odd: the value at 0
  std::array<double, 6> domains;  // candidates; beyond, the curve is held
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_tanh_curve(double a) { return a * sigmoid(-a * (1.5957691216057308 + 0.0713548162726 * a * a)); }

constexpr Shape16 kShapes[] = {
    {ActKind::silu, false, [](double a) { return -a * sigmoid(-a); }, 0, {5, 6, 7, 8, 9, 10}},
    {ActKind::gelu, false, [](double a) { return -a * 0.5 * std::erfc(a * M_SQRT1_2); }, 0, {2.5, 3, 3.5, 4, 4.5, 5}},
    {ActKind::gelu_tanh, false, [](double a) { return -gelu_tanh_curve(a); }, 0, {2.5, 3, 3.5, 4, 4.5, 5}},
    {ActKind::sigmoid, true, [](double a) { return sigmoid(a) - 0.5; }, 0.5, {5, 6, 7, 8, 9, 10}},
    {ActKind::tanh, true, [](double a) { return std::tanh(a); }, 0, {2.5, 3, 3.5, 4, 4.5, 5}},
};

double function(const Shape16& s, double x) {
  if (s.odd) return s.centre + (x < 0 ? -s.curve(-x) : s.curve(x));
  return std::max(x, 0.0) + s.curve(std::fabs(x));
}

int16_t to_s16(double v) { return static_cast<int16_t>(std::lrint(std::clamp(v, -kLargest, kLargest))); }

// Each piece runs through the curve at the roots of Chebyshev's polynomial: near the least error.
kernels::Act16 fit(const Shape16& s, double scale, int shift, double unit, double domain) {
  kernels::Act16 a;
  a.odd = s.odd, a.shift = shift;
  a.step = to_s16(std::max(kPieces * 32768 * unit / domain, 8.0));
  a.limit = static_cast<int16_t>(std::min<int32_t>(32767, ((1 << 18) - 1) / a.step));
  const double width = 32768 * unit / a.step, per_unit = std::ldexp(1 / scale, shift);
  constexpr double t0 = 0.06698729810778068, t1 = 0.5, t2 = 1 - t0;
  for (int i = 0; i < kPieces; ++i) {
    const auto at = [&](double t) { return s.curve((i + t) * width) * per_unit; };
    const double y0 = at(t0), y1 = at(t1), y2 = at(t2);
    const double d01 = (y1 - y0) / (t1 - t0), bend = ((y2 - y1) / (t2 - t1) - d01) / (t2 - t0);
    const double slope = d01 - bend * (t0 + t1);
    a.bend[i] = to_s16(bend), a.slope[i] = to_s16(slope), a.value[i] = to_s16(y0 - t0 * (slope + bend * t0));
  }
  return a;
}

// Errors of one argument in steps of the output, squared, by all that comes before the last rounding.
double error_16(const Shape16& s, const kernels::Act16& a, double x, double unit, double scale) {
  const auto stored = static_cast<int16_t>(std::clamp(std::nearbyint(x / unit), -32768.0, 32767.0));
  const double curve = kernels::reference::curve(a, stored), step = std::ldexp(1.0, a.shift);
  const double got =
      s.odd ? s.centre / scale + (stored < 0 ? -curve : curve) / step : (std::max<double>(stored, 0) + curve) / step;
  const double off = got - function(s, x) / scale;
  return off * off;
}
double error_float(const Shape16& s, double x, double scale) {
  const auto got = kernels::reference::act_fast({static_cast<kernels::Act>(s.kind), 0, 0}, static_cast<float>(x));
  const double off = (got - function(s, x)) / scale;
  return off * off;
}

double lost(double mean_16, double mean_float) {
  constexpr double kRounding = 1.0 / 12;
  return 10 * std::log10((kRounding + mean_16) / (kRounding + mean_float));
}

// Of an argument whose output the u8 range can hold.
struct Point {
  double y, error_16, error_float;
};

struct Judgement {
  double error;  // dB against rounding alone: the curve that has the least is taken
  double loss;   // dB against the float polynomial
};

// The worst run of arguments as wide as half a piece.
Judgement worst_run(const std::vector<Point>& points, size_t run) {
  const auto length = static_cast<double>(run);
  double sum_16 = 0, sum_float = 0;
  Judgement worst{-100, -100};
  for (size_t i = 0; i < points.size(); ++i) {
    sum_16 += points[i].error_16, sum_float += points[i].error_float;
    if (i >= run) sum_16 -= points[i - run].error_16, sum_float -= points[i - run].error_float;
    if (i + 1 < run) continue;
    worst.error = std::max(worst.error, lost(sum_16 / length, 0));
    worst.loss = std::max(worst.loss, lost(sum_16 / length, sum_float / length));
  }
  return worst;
}

// Where several arguments give what a bin holds, the worst of them counts.
Judgement weighed(const std::vector<Point>& points, const Histogram& outputs) {
  std::vector<double> most(outputs.bins.size(), -1), least(outputs.bins.size());
  for (const Point& p : points) {
    const size_t bin = outputs.bin_of(p.y);
    if (bin < most.size() && p.error_16 > most[bin]) most[bin] = p.error_16, least[bin] = p.error_float;
  }
  double count = 0, sum_16 = 0, sum_float = 0;
  for (size_t b = 0; b < most.size(); ++b) {
    if (most[b] < 0) continue;  // narrower than the points lie: its neighbours stand for it
    const auto n = static_cast<double>(outputs.bins[b]);
    count += n, sum_16 += n * most[b], sum_float += n * least[b];
  }
  if (count == 0) return worst_run(points, 32);
  return {lost(sum_16 / count, 0), lost(sum_16 / count, sum_float / count)};
}

}  // namespace

std::optional<ActKind> act16_kind(const Graph& g, const Node& node) {
  const auto* conv = node.op.AsConv2d();
  const auto* product = node.op.AsMatMul();
  if ((!conv && !product) || (conv && depthwise(g, node))) return {};
  const ActKind kind = conv ? conv->act.kind() : product->act.kind();
  const bool known =
      std::any_of(std::begin(kShapes), std::end(kShapes), [&](const Shape16& s) { return s.kind == kind; });
  return known ? std::optional(kind) : std::nullopt;
}

std::optional<Curve16> fit_act16(ActKind kind, double scale, const Histogram* outputs) {
  const Shape16* s =
      std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape16& x) { return x.kind == kind; });
  if (s == std::end(kShapes)) return {};
  std::optional<Curve16> best;
  double least = 0;
  for (const double domain : s->domains) {
    int shift = kMostShift;
    const double highest = s->odd ? (std::fabs(s->centre) + s->curve(20)) / scale : domain / scale;
    while (shift > 0 && std::ldexp(highest, shift) > 32000) --shift;
    if (std::ldexp(highest, shift) > 32000) continue;
    const double unit = s->odd ? domain / 32768 : std::ldexp(scale, -shift);
    const kernels::Act16 a = fit(*s, scale, shift, unit, domain);
    const double reach = s->odd ? 1.5 * domain : 255 * scale, pitch = domain / kPieces / 64;
    std::vector<Point> points;
    for (double x = -1.5 * domain; x < reach; x += pitch)
      points.push_back({function(*s, x), error_16(*s, a, x, unit, scale), error_float(*s, x, scale)});
    const bool known = outputs && outputs->width > 0;
    const Judgement judged = known ? weighed(points, *outputs) : worst_run(points, 32);
    if (best && least <= judged.error) continue;
    least = judged.error;
    std::array<int16_t, kPieces> value, slope, bend;
    std::copy_n(a.value, kPieces, value.begin()), std::copy_n(a.slope, kPieces, slope.begin());
    std::copy_n(a.bend, kPieces, bend.begin());
    best = Curve16{schema::Act16(s->odd ? static_cast<float>(unit) : 0.0f, s->odd, static_cast<uint8_t>(shift),
                                 to_s16(std::ldexp(s->centre / scale, shift)), a.limit, a.step, value, slope, bend),
                   judged.loss};
  }
  return best;
}

}  // namespace octet::convert
