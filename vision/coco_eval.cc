// Three steps, as in pycocotools: match detections with objects picture by picture and category by category; walk each
// category's detections by falling score to get precision over recall; average.
#include "vision/coco_eval.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <unordered_map>

namespace octet::vision {
namespace {

constexpr size_t kThresholds = 10, kRecalls = 101;
constexpr size_t kMaxDetections = 100;

struct AreaRange {
  const char* name;
  double from, to;
};
constexpr std::array<AreaRange, 4> kAreas{
    {{"all", 0, 1e10}, {"small", 0, 1024}, {"medium", 1024, 9216}, {"large", 9216, 1e10}}};

// numpy.linspace: the last element is exactly `to`.
template <size_t N>
std::array<double, N> linspace(double from, double to) {
  std::array<double, N> out{};
  for (size_t i = 0; i < N; ++i) out[i] = from + static_cast<double>(i) * ((to - from) / (N - 1));
  out.back() = to;
  return out;
}

// The objects and detections of one category in one picture.
struct Cell {
  std::vector<const CocoAnnotation*> objects;
  std::vector<const CocoDetection*> detections;  // best first, at most kMaxDetections
  std::vector<double> iou;                       // [detection][object]
};
using Cells = std::map<size_t, Cell>;  // by position of the picture

double box_iou(const std::array<double, 4>& d, const CocoAnnotation& object) {
  const auto& g = object.box;
  const double w = std::min(d[2] + d[0], g[2] + g[0]) - std::max(d[0], g[0]);
  const double h = std::min(d[3] + d[1], g[3] + g[1]) - std::max(d[1], g[1]);
  if (w <= 0 || h <= 0) return 0;
  const double common = w * h, detected = d[2] * d[3];
  // A crowd region swallows every detection inside it.
  return common / (object.crowd ? detected : detected + g[2] * g[3] - common);
}

void finish(Cell& cell) {
  auto& d = cell.detections;
  std::stable_sort(d.begin(), d.end(), [](auto* a, auto* b) { return a->score > b->score; });
  if (d.size() > kMaxDetections) d.resize(kMaxDetections);
  for (const CocoDetection* detection : d)
    for (const CocoAnnotation* object : cell.objects) cell.iou.push_back(box_iou(detection->box, *object));
}

enum Outcome : uint8_t { kFalse, kTrue, kIgnored };

// One cell, seen within one range of areas.
struct Matched {
  std::vector<double> scores;
  std::array<std::vector<Outcome>, kThresholds> outcomes;  // of each detection
  size_t objects = 0;                                      // that count
};

// Which object a detection takes: the best free one that counts, else the best ignored one; -1: none.
int take(const Cell& cell, const std::vector<size_t>& order, const std::vector<bool>& ignored,
         const std::vector<bool>& taken, std::pair<size_t, double> detection_and_threshold) {
  auto [d, best] = detection_and_threshold;
  int found = -1;
  for (const size_t g : order) {
    if (taken[g] && !cell.objects[g]->crowd) continue;
    if (found >= 0 && !ignored[static_cast<size_t>(found)] && ignored[g]) break;  // ignored ones come last
    const double iou = cell.iou[d * cell.objects.size() + g];
    if (iou < best) continue;
    best = iou;
    found = static_cast<int>(g);
  }
  return found;
}

Matched match(const Cell& cell, const AreaRange& range) {
  const auto outside = [&](double area) { return area < range.from || area > range.to; };
  const size_t objects = cell.objects.size(), detections = cell.detections.size();
  std::vector<bool> ignored(objects);
  for (size_t g = 0; g < objects; ++g) ignored[g] = cell.objects[g]->crowd || outside(cell.objects[g]->area);
  std::vector<size_t> order(objects);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_partition(order.begin(), order.end(), [&](size_t g) { return !ignored[g]; });

  static const auto thresholds = linspace<kThresholds>(.5, .95);
  Matched m;
  m.objects = static_cast<size_t>(std::count(ignored.begin(), ignored.end(), false));
  for (const CocoDetection* d : cell.detections) m.scores.push_back(d->score);
  for (size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(objects);
    for (size_t d = 0; d < detections; ++d) {
      const auto& box = cell.detections[d]->box;
      const int g = take(cell, order, ignored, taken, {d, std::min(thresholds[t], 1 - 1e-10)});
      if (g >= 0) taken[static_cast<size_t>(g)] = true;
      const bool counts = g >= 0 ? !ignored[static_cast<size_t>(g)] : !outside(box[2] * box[3]);
      m.outcomes[t].push_back(!counts ? kIgnored : g >= 0 ? kTrue : kFalse);
    }
  }
  return m;
}

struct Curve {
  std::array<double, kRecalls> precision{};
  double recall = 0;
};

// Precision at the 101 recall points, made monotone from the right.
Curve curve(const std::vector<Outcome>& outcomes, size_t objects) {
  static const auto points = linspace<kRecalls>(0, 1);
  std::vector<double> recall, precision;
  double hits = 0, misses = 0;
  for (const Outcome o : outcomes) {
    hits += o == kTrue;
    misses += o == kFalse;
    recall.push_back(hits / static_cast<double>(objects));
    precision.push_back(hits / (misses + hits + std::numeric_limits<double>::epsilon()));
  }
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Curve out;
  if (!recall.empty()) out.recall = recall.back();
  for (size_t r = 0; r < kRecalls; ++r) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), points[r]);
    if (at == recall.end()) break;
    out.precision[r] = precision[static_cast<size_t>(at - recall.begin())];
  }
  return out;
}

// One category in one range of areas, at most `limit` detections a picture; a curve for each threshold.
// Empty: no object counts.
std::vector<Curve> accumulate(const std::vector<const Matched*>& cells, size_t limit) {
  size_t objects = 0;
  std::vector<std::pair<const Matched*, size_t>> order;
  for (const Matched* m : cells) {
    objects += m->objects;
    for (size_t d = 0; d < std::min(limit, m->scores.size()); ++d) order.emplace_back(m, d);
  }
  if (objects == 0) return {};
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first->scores[a.second] > b.first->scores[b.second]; });
  std::vector<Curve> curves;
  std::vector<Outcome> outcomes(order.size());
  for (size_t t = 0; t < kThresholds; ++t) {
    for (size_t i = 0; i < order.size(); ++i) outcomes[i] = order[i].first->outcomes[t][order[i].second];
    curves.push_back(curve(outcomes, objects));
  }
  return curves;
}

struct Mean {
  double sum = 0;
  size_t count = 0;
  void add(double x) { sum += x, ++count; }
  double value() const { return count ? sum / static_cast<double>(count) : -1; }
};

double mean_precision(const std::vector<Curve>& curves) {
  Mean mean;
  for (const Curve& c : curves)
    for (const double p : c.precision) mean.add(p);
  return mean.value();
}

std::vector<Cells> cells_by_category(const CocoDataset& dataset, const std::vector<CocoDetection>& detections) {
  std::unordered_map<int64_t, size_t> images, categories;
  for (size_t i = 0; i < dataset.images.size(); ++i) images[dataset.images[i].id] = i;
  for (size_t i = 0; i < dataset.categories.size(); ++i) categories[dataset.categories[i].id] = i;
  std::vector<Cells> out(dataset.categories.size());
  // Entries of pictures or categories that the data set does not list are passed over, as pycocotools does.
  const auto cell = [&](const auto& entry) -> Cell* {
    const auto image = images.find(entry.image_id);
    const auto category = categories.find(entry.category_id);
    if (image == images.end() || category == categories.end()) return nullptr;
    return &out[category->second][image->second];
  };
  for (const CocoAnnotation& a : dataset.annotations)
    if (Cell* c = cell(a)) c->objects.push_back(&a);
  for (const CocoDetection& d : detections)
    if (Cell* c = cell(d)) c->detections.push_back(&d);
  for (Cells& cells : out)
    for (auto& [image, c] : cells) finish(c);
  return out;
}

// A network's detections, matched, and its AP where pictures count several times or not at all.
class Resampled {
 public:
  Resampled(const CocoDataset& dataset, const std::vector<CocoDetection>& detections) {
    for (const Cells& cells : cells_by_category(dataset, detections)) {
      categories_.emplace_back();
      for (const auto& [image, cell] : cells) categories_.back().emplace_back(image, match(cell, kAreas[0]));
    }
  }

  double ap(const std::vector<int>& times) const {  // of each picture
    Mean mean;
    for (const auto& cells : categories_) {
      std::vector<const Matched*> drawn;
      for (const auto& [image, matched] : cells)
        for (int i = times[image]; i > 0; --i) drawn.push_back(&matched);
      for (const Curve& c : accumulate(drawn, kMaxDetections))
        for (const double p : c.precision) mean.add(p);
    }
    return mean.value();
  }

 private:
  std::vector<std::vector<std::pair<size_t, Matched>>> categories_;
};

}  // namespace

ApDifference ap_difference(const CocoDataset& dataset, const std::vector<CocoDetection>& a,
                           const std::vector<CocoDetection>& b, int resamplings) {
  const Resampled first(dataset, a), second(dataset, b);
  const size_t pictures = dataset.images.size();
  const auto difference = [&](const std::vector<int>& times) { return second.ap(times) - first.ap(times); };
  ApDifference out{.difference = difference(std::vector<int>(pictures, 1))};
  std::mt19937_64 random;  // NOLINT: the same numbers each time
  std::vector<double> drawn;
  for (int i = 0; i < resamplings && pictures > 0; ++i) {
    std::vector<int> times(pictures, 0);
    for (size_t k = 0; k < pictures; ++k) ++times[random() % pictures];
    drawn.push_back(difference(times));
  }
  std::sort(drawn.begin(), drawn.end());
  const auto at = [&](double part) {
    return drawn.empty() ? out.difference
                         : drawn[static_cast<size_t>(part * static_cast<double>(drawn.size() - 1) + .5)];
  };
  out.low = at(.025), out.high = at(.975);
  return out;
}

CocoMetrics evaluate_coco(const CocoDataset& dataset, const std::vector<CocoDetection>& detections) {
  std::array<Mean, 12> means;
  CocoMetrics out;
  for (const Cells& cells : cells_by_category(dataset, detections)) {
    for (size_t a = 0; a < kAreas.size(); ++a) {
      std::vector<Matched> matched;
      for (const auto& [image, cell] : cells) matched.push_back(match(cell, kAreas[a]));
      std::vector<const Matched*> all;
      for (const Matched& m : matched) all.push_back(&m);
      const auto curves = accumulate(all, kMaxDetections);
      if (a == 0) out.category_ap.push_back(mean_precision(curves));
      for (size_t t = 0; t < curves.size(); ++t) {
        means[a == 0 ? 8 : 8 + a].add(curves[t].recall);
        for (const double p : curves[t].precision) {
          means[a == 0 ? 0 : 2 + a].add(p);
          if (a == 0 && t == 0) means[1].add(p);  // IoU .50
          if (a == 0 && t == 5) means[2].add(p);  // IoU .75
        }
      }
      if (a != 0) continue;
      for (const Curve& c : accumulate(all, 1)) means[6].add(c.recall);
      for (const Curve& c : accumulate(all, 10)) means[7].add(c.recall);
    }
  }
  for (size_t i = 0; i < means.size(); ++i) out.stats[i] = means[i].value();
  return out;
}

std::string summary_text(const CocoMetrics& metrics) {
  struct Row {
    bool precision;
    const char* iou;
    const char* area;
    int detections;
  };
  constexpr const char* kAll = "0.50:0.95";
  constexpr Row kRows[12] = {{true, kAll, "all", 100},    {true, "0.50", "all", 100},   {true, "0.75", "all", 100},
                             {true, kAll, "small", 100},  {true, kAll, "medium", 100},  {true, kAll, "large", 100},
                             {false, kAll, "all", 1},     {false, kAll, "all", 10},     {false, kAll, "all", 100},
                             {false, kAll, "small", 100}, {false, kAll, "medium", 100}, {false, kAll, "large", 100}};
  std::string out;
  for (size_t i = 0; i < metrics.stats.size(); ++i) {
    const Row& r = kRows[i];
    char line[160];
    std::snprintf(line, sizeof line, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
                  r.precision ? "Average Precision" : "Average Recall", r.precision ? "(AP)" : "(AR)", r.iou, r.area,
                  r.detections, metrics.stats[i]);
    out += line;
  }
  return out;
}

}  // namespace octet::vision
