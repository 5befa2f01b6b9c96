// SSD's prior boxes and their variances, from the sizes of a feature map and of the image, with Paddle's arithmetic.
#include "runtime/ops/common.h"

namespace octet {
namespace {

using Attributes = schema::PriorBox;

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"prior_box"};
  return kNames;
}

bool all_positive(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v) && v > 0; });
}

Result<void> check(const NodeDef& n, const ModelData&) {
  const auto& a = n.attributes<Attributes>();
  constexpr size_t kMost = 1000;
  const auto sizes = values_of(a.min_sizes()), second = values_of(a.max_sizes()), ratios = values_of(a.aspect_ratios());
  if (sizes.empty() || sizes.size() > kMost || ratios.size() > kMost || !all_positive(sizes) || !all_positive(second) ||
      !all_positive(ratios) || (!second.empty() && second.size() != sizes.size()))
    return bad_node(n, "sizes or aspect ratios that are none");
  if (values_of(a.variances()).size() != 4) return bad_node(n, "there must be 4 variances");
  for (float v : {a.step_h(), a.step_w(), a.offset()})
    if (!std::isfinite(v)) return bad_node(n, "an attribute that is not finite");
  return {};
}

// 1 first, then those given, each with its inverse where `flip`, without what is there already.
std::vector<float> ratios_of(const Attributes& a) {
  std::vector<float> all = {1};
  for (float r : values_of(a.aspect_ratios())) {
    if (std::any_of(all.begin(), all.end(), [&](float have) { return std::fabs(r - have) < 1e-6f; })) continue;
    all.push_back(r);
    if (a.flip()) all.push_back(1 / r);
  }
  return all;
}

// Half of width and height of each of a cell's boxes, in order.
std::vector<std::pair<float, float>> halves_of(const Attributes& a) {
  std::vector<std::pair<float, float>> all;
  const auto second = values_of(a.max_sizes());
  const std::vector<float> ratios = ratios_of(a);
  for (size_t i = 0; i < values_of(a.min_sizes()).size(); ++i) {
    const float size = values_of(a.min_sizes())[i];
    const auto square = [&](float side) { all.emplace_back(side / 2, side / 2); };
    const auto larger = [&] {
      if (!second.empty()) square(std::sqrt(size * second[i]));
    };
    square(size);
    if (a.max_size_second()) larger();
    for (size_t r = 1; r < ratios.size(); ++r)
      all.emplace_back(size * std::sqrt(ratios[r]) / 2, size / std::sqrt(ratios[r]) / 2);
    if (!a.max_size_second()) larger();
  }
  return all;
}

Result<void> infer(Inference& inf) {
  const Shape &map = inf.shape(0), &image = inf.shape(1);
  if (map.rank() != 4 || image.rank() != 4)
    return inf.error("needs images of rank 4, got " + map.text() + " and " + image.text());
  const auto priors = static_cast<int64_t>(halves_of(inf.node.attributes<Attributes>()).size());
  for (int i : {0, 1}) inf.out(i, {map[1], map[2], priors, 4});
  return {};
}

struct Job {
  int64_t h, w;
  float step_h, step_w, offset, image_h, image_w;
  bool clip;
  std::vector<std::pair<float, float>> halves;
  std::array<float, 4> variances;
  int boxes, out_variances;  // value ids
};

void run(const RunContext& ctx, const Job& job) {
  float *box = ctx.data<float>(job.boxes), *variance = ctx.data<float>(job.out_variances);
  for (int64_t y = 0; y < job.h; ++y)
    for (int64_t x = 0; x < job.w; ++x) {
      const float cx = (static_cast<float>(x) + job.offset) * job.step_w;
      const float cy = (static_cast<float>(y) + job.offset) * job.step_h;
      for (const auto& [half_w, half_h] : job.halves) {
        const float corners[] = {(cx - half_w) / job.image_w, (cy - half_h) / job.image_h, (cx + half_w) / job.image_w,
                                 (cy + half_h) / job.image_h};
        for (float v : corners) *box++ = job.clip ? std::min(std::max(v, 0.0f), 1.0f) : v;
        variance = std::copy(job.variances.begin(), job.variances.end(), variance);
      }
    }
}

Result<void> prepare(Prepare& p) {
  const auto& a = p.node->attributes<Attributes>();
  const Shape &map = p.in(0).shape, &image = p.in(1).shape;
  auto job = std::make_shared<Job>();
  job->h = map[1], job->w = map[2];
  job->image_h = static_cast<float>(image[1]), job->image_w = static_cast<float>(image[2]);
  const bool given = a.step_h() != 0 && a.step_w() != 0;
  job->step_h = given ? a.step_h() : job->image_h / static_cast<float>(map[1]);
  job->step_w = given ? a.step_w() : job->image_w / static_cast<float>(map[2]);
  job->offset = a.offset(), job->clip = a.clip();
  job->halves = halves_of(a);
  std::copy_n(values_of(a.variances()).begin(), 4, job->variances.begin());
  job->boxes = p.out(0).id, job->out_variances = p.out(1).id;
  p.step.run = [job](const RunContext& ctx) { run(ctx, *job); };
  p.step.kernel = "prior_box";
  return {};
}

}  // namespace

extern const OpKind kPriorBox;
const OpKind kPriorBox = {.type = schema::Op::PriorBox,
                          .names = names,
                          .min_inputs = 2,
                          .max_inputs = 2,
                          .check = check,
                          .infer = infer,
                          .prepare = prepare,
                          .dtype = always<DType::kF32>,
                          .pitched_in = true,
                          .shapes_only = true,
                          .outputs = 2};

}  // namespace octet
