// anchor_generator and density_prior_box: boxes that follow from sizes alone, made when the model is imported.
#include <algorithm>
#include <cmath>

#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int64_t kMostNumbers = 1 << 24;

struct Map {
  int64_t height = 0, width = 0;
};

// The size of a picture or map of features; fails where it is open.
Map size_of(PaddleNode& n, TensorId x) {
  if (!n.need_rank(x, 4)) return {};
  const Map map{n.shape(x)[2], n.shape(x)[3]};
  if (map.height < 1 || map.width < 1) n.fail("needs known sizes: give the input's shape", Code::kUnsupported);
  return map;
}

// Boxes [h, w, boxes of a place, 4] (or rows) and as many times the variances.
void add_boxes(PaddleNode& n, const char* name, const Map& map, const std::vector<float>& boxes) {
  const auto variances = n.float_list("variances", {0.1f, 0.1f, 0.2f, 0.2f});
  if (variances.size() != 4) return n.fail("attribute 'variances' needs 4 elements");
  if (n.failed()) return;
  std::vector<float> repeated;
  repeated.reserve(boxes.size());
  for (size_t i = 0; i < boxes.size(); ++i) repeated.push_back(variances[i % 4]);
  const auto count = static_cast<int64_t>(boxes.size());
  Shape shape{map.height, map.width, count / (map.height * map.width * 4), 4};
  if (n.b("flatten_to_2d", false)) shape = {count / 4, 4};
  n.result(name, n.floats(shape, boxes));
  n.result("Variances", n.floats(shape, repeated));
}

bool too_many(PaddleNode& n, const Map& map, size_t boxes) {
  if (n.failed()) return true;
  const int64_t places = std::max<int64_t>(1, map.height * map.width);
  if (boxes >= 1 && static_cast<int64_t>(boxes) <= kMostNumbers / 4 / places) return false;
  n.fail("makes " + std::to_string(boxes) + " boxes at a place");
  return true;
}

}  // namespace

static void import_paddle_anchor_generator(PaddleNode& n) {
  const Map map = size_of(n, n.in("Input"));
  const auto sizes = n.float_list("anchor_sizes", {}), ratios = n.float_list("aspect_ratios", {});
  const auto stride = n.float_list("stride", {});
  if (stride.size() != 2) return n.fail("attribute 'stride' needs 2 elements");
  if (too_many(n, map, sizes.size() * ratios.size())) return;
  const float offset = n.f("offset", 0.5f), across = stride[0], down = stride[1];
  std::vector<float> boxes;
  for (int64_t y = 0; y < map.height; ++y)
    for (int64_t x = 0; x < map.width; ++x)
      for (const float ratio : ratios)
        for (const float size : sizes) {
          const float centre_x = static_cast<float>(x) * across + offset * (across - 1);
          const float centre_y = static_cast<float>(y) * down + offset * (down - 1);
          const float base_w = std::round(std::sqrt(across * down / ratio)), base_h = std::round(base_w * ratio);
          const float half_w = (size / across * base_w - 1) / 2, half_h = (size / down * base_h - 1) / 2;
          for (const float v : {centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h}) {
            if (!std::isfinite(v)) return n.fail("makes boxes that are not finite");
            boxes.push_back(v);
          }
        }
  add_boxes(n, "Anchors", map, boxes);
}

static void import_paddle_density_prior_box(PaddleNode& n) {
  const Map map = size_of(n, n.in("Input")), image = size_of(n, n.in("Image"));
  const auto sizes = n.float_list("fixed_sizes", {}), ratios = n.float_list("fixed_ratios", {});
  const auto densities = n.ints("densities", {});
  if (densities.size() != sizes.size()) return n.fail("needs a density for each of fixed_sizes");
  size_t count = 0;
  for (int64_t d : densities) {
    const auto grid = static_cast<size_t>(n.bounded("densities", d, 1, 256));
    count += ratios.size() * grid * grid;
  }
  if (too_many(n, map, count)) return;
  const auto width = static_cast<float>(image.width), height = static_cast<float>(image.height);
  float step_w = n.f("step_w", 0), step_h = n.f("step_h", 0);
  if (step_w == 0 || step_h == 0)
    step_w = width / static_cast<float>(map.width), step_h = height / static_cast<float>(map.height);
  const float offset = n.f("offset", 0.5f);
  if (!(step_w > 0 && step_h > 0 && step_w < 1e6f && step_h < 1e6f)) return n.fail("has steps that are no sizes");
  const int average = static_cast<int>((step_w + step_h) / 2);
  std::vector<float> boxes;
  for (int64_t y = 0; y < map.height; ++y)
    for (int64_t x = 0; x < map.width; ++x)
      for (size_t s = 0; s < sizes.size(); ++s)
        for (const float ratio : ratios) {
          const auto density = static_cast<int>(densities[s]);
          const int shift = average / density;
          const float half_w = sizes[s] * std::sqrt(ratio) / 2, half_h = sizes[s] / std::sqrt(ratio) / 2;
          const float first = static_cast<float>(shift) / 2 - static_cast<float>(average) / 2;
          for (int i = 0; i < density * density; ++i) {
            const int row = i / density;
            const float cx =
                (static_cast<float>(x) + offset) * step_w + first + static_cast<float>(i % density * shift);
            const float cy = (static_cast<float>(y) + offset) * step_h + first + static_cast<float>(row * shift);
            for (const float v : {(cx - half_w) / width, (cy - half_h) / height}) boxes.push_back(std::max(v, 0.0f));
            for (const float v : {(cx + half_w) / width, (cy + half_h) / height}) boxes.push_back(std::min(v, 1.0f));
          }
        }
  if (n.b("clip", false))
    for (float& v : boxes) v = std::clamp(v, 0.0f, 1.0f);
  if (!std::all_of(boxes.begin(), boxes.end(), [](float v) { return std::isfinite(v); }))
    return n.fail("makes boxes that are not finite");
  add_boxes(n, "Boxes", map, boxes);
}

static constexpr PaddleOp kPaddleAnchorsRows[] = {
    {"anchor_generator", import_paddle_anchor_generator, {"Input"}},
    {"density_prior_box", import_paddle_density_prior_box, {"Input", "Image"}},
};
extern constinit const PaddleRows kPaddleAnchors{kPaddleAnchorsRows};

}  // namespace octet::convert
